"""Whom a campaign or an announcement is for: a segment, named users, an uploaded list, everyone.

Every condition is true or false, never unknown. What is missing equals nothing, so `eq`, `in`,
`gt`, `contains` and their like are false of it; `ne`, `notIn` and `not` say exactly the opposite
of what they negate, and so include whoever lacks the value. `exists` asks for the value itself.

Preferences compare as they are shown: a channel never chosen counts with its default, and `exists`
tells whether it was chosen.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal, NoReturn, Self, TypeAlias
from uuid import UUID

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    JsonValue,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from domain.audience.fields import FIELD_NAMES, Operator, SegmentField, Source, segment_field
from domain.audience.values import value_problem
from domain.base import UserId, Wire

MAX_DEPTH: Final = 10
"""Levels of a segment, the conditions' own included."""
MAX_CONDITIONS: Final = 200
MAX_USER_IDS: Final = 10_000
MAX_DAYS: Final = 3650

Days = Annotated[int, Field(ge=1, le=MAX_DAYS, strict=True)]


def _refuse(code: str, detail: str) -> NoReturn:
    raise PydanticCustomError(code, "{detail}", {"detail": detail})


class Condition(Wire):
    """One field compared with one value. `days` limits `engagement.….count` to the last days."""

    field: Annotated[
        str,
        Field(
            max_length=1200,
            description=f"One of {', '.join(FIELD_NAMES)}.",
            examples=["attributes.role"],
        ),
    ]
    op: Operator
    value: Annotated[JsonValue, Field(validate_default=True)] = None
    days: Days | None = None

    @property
    def target(self) -> SegmentField:
        found = segment_field(self.field)
        if found is None:
            raise LookupError(self.field)
        return found

    @property
    def window(self) -> timedelta | None:
        return timedelta(days=self.days) if self.days is not None else None

    @field_validator("field")
    @classmethod
    def _allowed_field(cls, name: str) -> str:
        if segment_field(name) is None:
            _refuse("unknown_segment_field", "A segment cannot ask about this field.")
        return name

    @field_validator("op")
    @classmethod
    def _fits_the_field(cls, op: Operator, info: ValidationInfo) -> Operator:
        target = segment_field(info.data.get("field", ""))
        if target is not None and op not in target.operators:
            fitting = ", ".join(sorted(target.operators))
            _refuse("operator_not_for_field", f"This field takes {fitting}.")
        return op

    @field_validator("value")
    @classmethod
    def _fits_the_operator(cls, value: JsonValue, info: ValidationInfo) -> JsonValue:
        target, op = segment_field(info.data.get("field", "")), info.data.get("op")
        if target is not None and op is not None:
            problem = value_problem(target, op, value)
            if problem is not None:
                _refuse("segment_value_invalid", problem)
        return value

    @field_validator("days")
    @classmethod
    def _only_of_counts(cls, days: int | None, info: ValidationInfo) -> int | None:
        target = segment_field(info.data.get("field", ""))
        if days is not None and target and target.source is not Source.ENGAGEMENT_COUNT:
            _refuse("days_not_for_field", "Only engagement counts take days.")
        return days


class AllOf(Wire):
    all: Annotated[list["Node"], Field(min_length=1, max_length=MAX_CONDITIONS)]


class AnyOf(Wire):
    any: Annotated[list["Node"], Field(min_length=1, max_length=MAX_CONDITIONS)]


class NoneOf(Wire):
    """Everyone whom the inner one does not name."""

    negated: Annotated["Node", Field(alias="not")]


def _shape(value: Any) -> str | None:
    match value:
        case AllOf() | {"all": _}:
            return "[all]"
        case AnyOf() | {"any": _}:
            return "[any]"
        case NoneOf() | {"not": _}:
            return "[not]"
        case Condition() | {"field": _}:
            return "[condition]"
    return None


# Tags in brackets, as they are no part of the path that a refusal names.
Node: TypeAlias = Annotated[
    Annotated[AllOf, Tag("[all]")]
    | Annotated[AnyOf, Tag("[any]")]
    | Annotated[NoneOf, Tag("[not]")]
    | Annotated[Condition, Tag("[condition]")],
    Discriminator(
        _shape,
        custom_error_type="segment_not_understood",
        custom_error_message="Give `all`, `any`, `not`, or `field` with `op`.",
    ),
]


def _levels(segment: Node) -> Iterator[int]:
    """The depth of every condition. Walks without recursion."""
    waiting: list[tuple[Node, int]] = [(segment, 1)]
    while waiting:
        node, depth = waiting.pop()
        match node:
            case Condition():
                yield depth
            case NoneOf():
                waiting.append((node.negated, depth + 1))
            case AllOf():
                waiting += [(child, depth + 1) for child in node.all]
            case AnyOf():
                waiting += [(child, depth + 1) for child in node.any]


def _bounded(segment: Node) -> Node:
    depths = list(_levels(segment))
    if max(depths) > MAX_DEPTH:
        _refuse("segment_too_deep", f"Nested deeper than {MAX_DEPTH} levels.")
    if len(depths) > MAX_CONDITIONS:
        _refuse("segment_too_large", f"More than {MAX_CONDITIONS} conditions.")
    return segment


for _model in (AllOf, AnyOf, NoneOf):
    _model.model_rebuild()
Segment: TypeAlias = Annotated[Node, AfterValidator(_bounded)]


class Audience(Wire):
    """Exactly one of the four. Users who were erased are in none of them."""

    segment: Segment | None = None
    user_ids: Annotated[list[UserId], Field(min_length=1, max_length=MAX_USER_IDS)] | None = None
    list_id: UUID | None = Field(default=None, alias="list")
    everyone: Literal[True] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = (self.segment, self.user_ids, self.list_id, self.everyone)
        if sum(part is not None for part in given) != 1:
            _refuse("audience_not_one", "Give one of segment, userIds, list and everyone.")
        return self

    def wire(self) -> dict[str, Any]:
        """As it came: JSON that `Audience.model_validate` takes."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


@dataclass(frozen=True, slots=True)
class AudienceMember:
    """What a preview shows of a user: nothing that is sealed."""

    user_id: str
    locale: str | None
    timezone: str | None
    country: str | None


@dataclass(frozen=True, slots=True)
class AudienceList:
    """Users uploaded once and used by name. The counts are those of the upload."""

    id: UUID
    name: str
    accepted: int
    duplicates: int
    rejected: int
    created_at: datetime
