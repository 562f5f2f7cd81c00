"""A segment as SQL. Every word of the statement is a constant of this module; everything a caller
wrote, paths into attributes included, is a bound value.

Each condition is true or false, never null: what is missing makes it false before any `not`. The
tables a segment asks are joined once, whatever its size; in bulk as wholes that the planner hashes,
for a few known users each by index.
"""

from collections.abc import Sequence
from typing import Any, Final, assert_never

from domain.audience.fields import Operator, Source
from domain.audience.shapes import AllOf, AnyOf, Audience, Condition, Node, NoneOf
from storage.audience.columns import Bound, Joins, column
from storage.audience.operators import attribute_is, comparison

_USERS: Final = "users u"
_LIVING: Final = "u.deleted_at is null"


def select_sql(
    audience: Audience,
    first_parameter: int = 1,
    *,
    columns: str = "u.id",
    among: Sequence[str] | None = None,
) -> tuple[str, list[Any]]:
    """`select {columns} from users u … where …` of the living users in the audience, and the
    values of its parameters from `first_parameter` on. `columns` is a constant of the caller's;
    `among` leaves only these users, found by their ids."""
    bound = Bound(first_parameter)
    joins = Joins(bound, each=among is not None)
    wanted = _of_audience(audience, bound, joins)
    if among is not None:
        wanted = f"u.id = any({bound(list(among), 'text[]')}) and {wanted}"
    source = f"{_USERS}{joins.sql()}"
    return f"select {columns} from {source} where {_LIVING} and {wanted}", bound.values


def membership_sql(audiences: Sequence[Audience]) -> tuple[str, tuple[Any, ...]]:
    """`select array[…] as belongs`: in which of the audiences the living user with the id `$1` is;
    and the values of the parameters from `$2` on. The tables they ask are joined once for all."""
    bound = Bound(2)
    joins = Joins(bound, each=True)
    belongs = ", ".join(_of_audience(audience, bound, joins) for audience in audiences)
    source = f"{_USERS}{joins.sql()}"
    statement = f"select array[{belongs}] as belongs from {source}"
    return f"{statement} where {_LIVING} and u.id = $1::text", tuple(bound.values)


def _of_audience(audience: Audience, bound: Bound, joins: Joins) -> str:
    if audience.segment is not None:
        return _of_node(audience.segment, bound, joins)
    if audience.user_ids is not None:
        return f"u.id = any({bound(list(audience.user_ids), 'text[]')})"
    if audience.list_id is not None:
        return (
            "exists (select 1 from audience_list_members m where m.user_id = u.id"
            f" and m.list_id = {bound(audience.list_id, 'uuid')})"
        )
    return "true"


def _of_node(node: Node, bound: Bound, joins: Joins) -> str:
    match node:
        case Condition():
            return _of_condition(node, bound, joins)
        case NoneOf():
            return f"(not {_of_node(node.negated, bound, joins)})"
        case AllOf():
            return "(" + " and ".join(_of_node(n, bound, joins) for n in node.all) + ")"
        case AnyOf():
            return "(" + " or ".join(_of_node(n, bound, joins) for n in node.any) + ")"
    assert_never(node)


_OPPOSITES: Final = {Operator.NE: Operator.EQ, Operator.NOT_IN: Operator.IN}


def _of_condition(condition: Condition, bound: Bound, joins: Joins) -> str:
    positive = _OPPOSITES.get(condition.op, condition.op)
    found = _positive(condition, positive, bound, joins)
    return f"(not {found})" if positive is not condition.op else found


def _positive(condition: Condition, op: Operator, bound: Bound, joins: Joins) -> str:
    field, value = condition.target, condition.value
    if field.source is Source.ATTRIBUTE and op is Operator.EQ:
        return attribute_is(field.path, value, bound)
    of = column(field, condition.window, bound, joins)
    if op is Operator.EXISTS:
        return f"(not {of.present})" if value is False else of.present
    return comparison(field, op, value, of, bound)
