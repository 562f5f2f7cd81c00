"""Segments on the real database: every one means what plain Python says it means."""

import asyncio
from datetime import UTC, datetime
from random import Random
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings

from domain.audience.shapes import Audience, AudienceList
from domain.ids import new_id
from storage.audience.sql import select_sql
from tests.integration.storage.conftest import Ledger
from tests.integration.storage.people import Person, some_person, store, store_campaigns
from tests.integration.storage.segment_meaning import matches
from tests.integration.storage.segments import ONE_BY_ONE, SEGMENTS

PEOPLE = 70


@pytest.fixture(scope="module")
async def people(ledger: Ledger) -> list[Person]:
    now, dice = datetime.now(UTC), Random(20)
    made = [some_person(number, now, dice) for number in range(PEOPLE)]
    for person in made:
        await store(ledger, person)
    await store_campaigns(ledger, made)
    erased = some_person(PEOPLE, now, dice)
    await store(ledger, erased)
    async with ledger.uow() as tx:
        assert await tx.users.delete(erased.id)
    return made


class Question:
    """Asks the database and plain Python the same."""

    def __init__(self, ledger: Ledger, people: list[Person]) -> None:
        self.ledger = ledger
        self.people = people

    async def agree(self, segment: dict[str, Any]) -> set[str]:
        audience = Audience.model_validate({"segment": segment})
        assert Audience.model_validate(audience.wire()) == audience
        ids = [person.id for person in self.people]
        async with self.ledger.uow() as tx:
            now = await tx._connection.fetchval("select now()")
            meant = {person.id for person in self.people if matches(person, segment, now)}
            query, values = select_sql(audience)
            rows = await tx._connection.fetch(query, *values)
            count = await tx.audiences.count(audience)
            some = await tx.audiences.belongs(audience, ids[::2])
        found = [row["id"] for row in rows]
        assert len(found) == len(set(found)) == count
        assert set(found) == meant
        assert some == meant & set(ids[::2])
        return meant


@pytest.fixture(scope="module")
def question(ledger: Ledger, people: list[Person]) -> Question:
    return Question(ledger, people)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(segment=SEGMENTS)
async def test_a_segment_means_what_plain_python_says(
    question: Question, segment: dict[str, Any]
) -> None:
    await question.agree(segment)


@pytest.mark.parametrize("condition", ONE_BY_ONE, ids=lambda one: one["field"])
async def test_every_field_splits_the_people(question: Question, condition: dict[str, Any]) -> None:
    """Neither nobody nor everybody, so that a condition that is never asked would be seen; and its
    negation is the rest."""
    found = await question.agree(condition)
    rest = await question.agree({"not": condition})
    assert found
    assert rest
    assert not found & rest
    assert len(found) + len(rest) == PEOPLE


async def test_what_campaigns_hear_counts_as_engagement(
    question: Question, people: list[Person]
) -> None:
    """Also of those whom no notification of their own ever reached."""
    only_campaigns = {person.id for person in people if not person.events and any(person.campaigns)}
    opened = await question.agree(
        {"field": "engagement.opened.count", "op": "gte", "value": 1, "days": 30}
    )
    clicked = await question.agree({"field": "engagement.clicked.count", "op": "gte", "value": 1})
    assert opened & only_campaigns
    assert clicked & only_campaigns
    assert only_campaigns - opened - clicked  # unsubscribing is no engagement
    assert await question.agree({"field": "engagement.lastAt", "op": "exists"}) >= opened | clicked


async def test_what_is_missing_is_in_every_negation_and_in_nothing_else(
    ledger: Ledger, question: Question
) -> None:
    async def among(condition: dict[str, Any], user: str) -> bool:
        audience = Audience.model_validate({"segment": condition})
        async with ledger.uow() as tx:
            return user in await tx.audiences.belongs(audience, [user])

    bare = await ledger.user(email=None)
    for name, value in (("country", "DE"), ("attributes.role", "x"), ("preferences.language", "de"),
                        ("devices.platform", "ios"), ("consents.marketing", True)):  # fmt: skip
        assert not await among({"field": name, "op": "eq", "value": value}, bare)
        assert await among({"field": name, "op": "ne", "value": value}, bare)
        assert await among({"not": {"field": name, "op": "eq", "value": value}}, bare)
        assert not await among({"field": name, "op": "exists"}, bare)
        assert await among({"field": name, "op": "exists", "value": False}, bare)
    async with ledger.uow() as tx:
        await tx.users.delete(bare)


HOSTILE = (
    "' or '1'='1", "'; drop table users; --", "$1", "$2::text", "{}", "%s", "\\", "\\'", "ü'\"",
    "') or true or ('", "\ud7ff", "/* */", "\n;--", "null", "[]", "\U0001f600",
)  # fmt: skip


@pytest.mark.parametrize("hostile", HOSTILE)
async def test_what_a_caller_writes_is_only_ever_a_value(
    ledger: Ledger, question: Question, sql: asyncpg.Connection, hostile: str
) -> None:
    known = await sql.fetchval("select count(*) from users")
    owner = await ledger.user(attributes={hostile: {"inner": hostile}, "list": [hostile]})
    path = f"attributes.{hostile}.inner" if "." not in hostile else "attributes.list"
    asked = [{"field": path, "op": op, "value": [hostile] if op == "in" else hostile}
             for op in ("eq", "in", "contains", "startsWith")]  # fmt: skip
    asked += [
        {"field": "attributes.list", "op": "contains", "value": hostile},
        {"field": path, "op": "exists"},
    ]
    everything = Audience.model_validate({"segment": {"all": asked}})
    names = ("id", "locale", "timezone", "country", "preferences.language")
    plain = [{"field": name, "op": op, "value": hostile}
             for name in names for op in ("eq", "contains", "startsWith")]  # fmt: skip
    nothing = Audience.model_validate({"segment": {"any": plain}})
    for audience in (everything, nothing):
        for among in (None, [owner]):
            query, _ = select_sql(audience, among=among)
            assert hostile not in query or hostile in {"$1", "$2::text", "{}", "null", "[]"}
    async with ledger.uow() as tx:
        members = await tx.audiences.sample(everything, 5)
        assert [member.user_id for member in members] == [owner]
        assert await tx.audiences.count(nothing) == 0
        assert await tx.users.delete(owner)
    assert await sql.fetchval("select count(*) from users") == known + 1


async def test_the_statement_depends_on_shape_alone(question: Question) -> None:
    """Two segments that differ in what callers wrote are one statement."""

    def segment(word: str, number: int) -> Audience:
        inner = [
            {"field": f"attributes.{word}.{word}", "op": "eq", "value": word},
            {"field": f"attributes.{word}", "op": "contains", "value": word},
            {"field": f"attributes.{word}", "op": "gt", "value": number},
            {"field": f"subscriptions.{word}", "op": "eq", "value": "subscribed"},
            {"field": "engagement.read.count", "op": "gte", "value": number, "days": number},
            {"field": "country", "op": "in", "value": [word] * number},
            {"field": "createdAt", "op": "withinDays", "value": number},
        ]
        return Audience.model_validate({"segment": {"all": inner}})

    (one, _), (other, values) = select_sql(segment("abc", 1)), select_sql(segment("xyz", 7))
    assert one == other
    assert "xyz" in values


async def test_parameters_are_numbered_from_where_the_caller_says(
    question: Question, ledger: Ledger
) -> None:
    audience = Audience.model_validate(
        {"segment": {"all": [
            {"field": "devices.count", "op": "gte", "value": 1},
            {"field": "engagement.opened.count", "op": "gte", "value": 0, "days": 7},
            {"field": "consents.sms", "op": "exists"},
        ]}}
    )  # fmt: skip
    query, values = select_sql(audience, 3)
    async with ledger.uow() as tx:
        rows = await tx._connection.fetch(
            f"insert into audience_list_members (list_id, user_id)"
            f" select l.id, chosen.id from audience_lists l, ({query}) chosen"
            f" where l.id = $1 and chosen.id <> $2 returning user_id",
            await a_list(tx), "nobody", *values,
        )  # fmt: skip
        assert len(rows) == await tx.audiences.count(audience) > 0


async def a_list(tx: Any) -> Any:
    item = AudienceList(new_id(), "a list", 0, 0, 0, datetime.now(UTC))
    await tx.audience_lists.insert(item)
    return item.id


async def test_the_other_audiences(ledger: Ledger, people: list[Person]) -> None:
    ids = [person.id for person in people]
    async with ledger.uow() as tx:
        listed = await a_list(tx)
        assert await tx.audience_lists.add(listed, [ids[0], ids[1], ids[0]]) == 2
        asked = {
            "everyone": Audience(everyone=True),
            "named": Audience.model_validate({"userIds": [ids[3], "nobody", ids[3]]}),
            "listed": Audience.model_validate({"list": str(listed)}),
            "unknown": Audience.model_validate({"list": str(new_id())}),
        }
        counts = {name: await tx.audiences.count(audience) for name, audience in asked.items()}
        known = await tx._connection.fetchval("select count(*) from users where deleted_at is null")
        assert counts == {"everyone": known, "named": 1, "listed": 2, "unknown": 0}
        assert await tx.audiences.belongs(asked["everyone"], [ids[0], "nobody"]) == {ids[0]}
        assert await tx.audiences.belongs(asked["listed"], ids) == {ids[0], ids[1]}
        assert await tx.audience_lists.delete(listed)
        assert await tx.audiences.count(asked["listed"]) == 0


async def test_a_sample_is_the_same_again_and_not_the_first_by_name(
    ledger: Ledger, people: list[Person]
) -> None:
    everyone = Audience(everyone=True)
    async with ledger.uow() as tx:
        first = await tx.audiences.sample(everyone, 10)
    async with ledger.uow() as tx:
        assert await tx.audiences.sample(everyone, 10) == first
    ids = [member.user_id for member in first]
    assert len(set(ids)) == 10
    assert ids != sorted(ids)
    by_id = {person.id: person.profile for person in people}
    known = [member for member in first if member.user_id in by_id]
    assert known
    for member in known:
        profile = by_id[member.user_id]
        assert (member.locale, member.timezone, member.country) == (
            profile["locale"], profile["timezone"], profile["country"],
        )  # fmt: skip


async def test_the_largest_segment_is_planned_and_run_in_time(ledger: Ledger) -> None:
    kinds = ("engagement.read.count", "engagement.clicked.count")
    counts = [{"field": kinds[n % 2], "op": "eq", "value": 0, "days": n + 1} for n in range(100)]
    types = [{"field": f"subscriptions.type_{n}", "op": "eq", "value": "never_chosen"}
             for n in range(100)]  # fmt: skip
    audience = Audience.model_validate({"segment": {"any": counts + types}})
    async with ledger.uow() as tx:
        async with asyncio.timeout(10):
            assert await tx.audiences.count(audience)
            assert await tx.audiences.belongs(audience, ["nobody"]) == frozenset()
