"""What is gathered, and what a digest says of it: nothing is left out, whatever is shown."""

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.content import RenderedMessage
from domain.digests.shapes import (
    CONTENT_LENGTH,
    DIGEST_TYPE,
    MOST_ITEMS,
    SHOWN,
    DigestItem,
    digest_category,
    digest_channels,
    digest_data,
    digest_key_of,
    gathered_of,
    in_order,
)
from domain.enums import Category, Channel, DeliveryMode, GateOutcome, PlanOutcome, Strategy
from domain.facts import PlanFacts
from domain.ids import LONGEST_KEY, derived_id, digest_workflow_id
from domain.plan import make_plan
from domain.preferences import CategoryPreference
from domain.rules.category import delivery_mode
from templates.catalogue import load_starter_templates, starter_layouts
from templates.compile import compile_template
from templates.renderer import TemplateRenderer
from tests.unit.rules.builders import NOW, facts, facts_and_now, used

TYPES = ("job_match", "job_alert", "message_received", "application_update", "own_type")
START = datetime(2026, 3, 4, 9, tzinfo=UTC)


def an_item(number: int, kind: str = "job_match", **fields: object) -> DigestItem:
    given: dict[str, object] = {
        "notification_id": UUID(int=number), "type": kind, "category": Category.JOBS,
        "channels": (Channel.EMAIL,), "strategy": Strategy.ALL,
        "created_at": START + timedelta(minutes=number), "title": f"Title {number}",
    }  # fmt: skip
    return DigestItem(**given | fields)  # type: ignore[arg-type]


items_of_any_kind = st.lists(
    st.builds(
        an_item,
        st.integers(1, 10_000),
        st.sampled_from(TYPES),
        category=st.sampled_from(Category),
        channels=st.lists(st.sampled_from(Channel), min_size=1, unique=True).map(tuple),
        strategy=st.sampled_from(Strategy),
        content=st.none() | st.text(max_size=2 * CONTENT_LENGTH),
    ),
    min_size=1,
    max_size=80,
    unique_by=lambda item: item.notification_id,
)


@given(items_of_any_kind, st.randoms())
def test_every_item_is_in_it_once_in_a_settled_order(
    items: list[DigestItem], dice: random.Random
) -> None:
    ordered = in_order(items)
    shuffled = list(items)
    dice.shuffle(shuffled)
    assert in_order(shuffled) == ordered
    assert Counter(ordered) == Counter(items)
    kinds = [item.type for item in ordered]
    assert len([k for n, k in enumerate(kinds) if n == 0 or kinds[n - 1] != k]) == len(set(kinds))
    data = digest_data(ordered)
    assert data["total"] == len(items)
    found = [UUID(line["notificationId"]) for line in data["items"]]
    assert found == [item.notification_id for item in ordered]


@given(items_of_any_kind)
def test_what_is_shown_and_what_is_counted_come_to_all(items: list[DigestItem]) -> None:
    lines = digest_data(in_order(items))["items"]
    shown = [line for line in lines if not line.get("folded")]
    assert len(shown) == min(SHOWN, len(items))
    assert len(shown) + sum(line.get("more", 0) for line in lines) == len(items)
    assert {line["type"] for line in shown} == {item.type for item in items}, "no type is hidden"
    assert all(len(line.get("content", "")) <= CONTENT_LENGTH for line in lines)
    assert not any("content" in line or "more" in line for line in lines if line not in shown)
    headings = [line["ofType"] for line in lines if "ofType" in line]
    kinds = Counter(item.type for item in items)
    assert sorted(headings) == (sorted(kinds.values()) if len(kinds) > 1 else [])


@given(items_of_any_kind)
def test_it_goes_where_its_items_would_have_gone(items: list[DigestItem]) -> None:
    channels, strategy = digest_channels(items)
    assert len(set(channels)) == len(channels) > 0
    assert set(channels) <= {channel for item in items for channel in item.channels}
    assert all(item.channels[0] in channels for item in items)
    if len({item.strategy for item in items}) == 1:
        assert strategy is items[0].strategy
    else:
        assert strategy is Strategy.ALL
    counts = Counter(item.category for item in items)
    assert counts[digest_category(items)] == max(counts.values())


@given(facts_and_now())
def test_a_plan_gathers_what_it_says_and_never_what_leaves(
    given_: tuple[PlanFacts, datetime],
) -> None:
    of, now = given_
    plan = make_plan(of, now)
    gathered = gathered_of(plan)
    outcomes = {c.channel: c.outcome for c in plan.channels}
    digested = [c for c in plan.channels if c.outcome is GateOutcome.DIGEST]
    if gathered is None:
        assert not digested or plan.outcome in {PlanOutcome.SKIP, PlanOutcome.EXPIRE}
        return
    assert gathered.ends_at == min(c.until for c in digested if c.until) > now
    assert {outcomes[channel] for channel in gathered.channels} <= {
        GateOutcome.DIGEST, GateOutcome.HOLD,
    }  # fmt: skip
    assert {c.channel for c in digested} <= set(gathered.channels)


@given(facts_and_now())
def test_a_digest_is_never_gathered(given_: tuple[PlanFacts, datetime]) -> None:
    of, now = given_
    digest = replace(of, notification=replace(of.notification, type=DIGEST_TYPE))
    plan = make_plan(digest, now)
    assert gathered_of(plan) is None


def test_over_its_limit_a_digest_waits_and_heeds_quiet_hours() -> None:
    prefs = {
        "frequency": {"maxPerHour": 1, "whenExceeded": "digest"},
        "categories": {"jobs": {"delivery": "daily"}},
        "quiet_hours": {"enabled": True, "start": "12:30", "end": "15:00"},
    }
    of = facts(
        prefs=prefs, type=DIGEST_TYPE, channels=(Channel.EMAIL,), timezone="UTC",
        usage=(used(NOW - timedelta(minutes=15), 2),),
    )  # fmt: skip
    [plan] = make_plan(of, NOW).channels
    assert (plan.outcome, plan.until) == (GateOutcome.DEFER, NOW.replace(hour=15))


@pytest.mark.parametrize(
    ("chosen", "rule", "mode"),
    [
        (None, None, DeliveryMode.IMMEDIATE),
        (None, DeliveryMode.DAILY, DeliveryMode.DAILY),
        (CategoryPreference(), DeliveryMode.DAILY, DeliveryMode.DAILY),
        (
            CategoryPreference(delivery=DeliveryMode.IMMEDIATE),
            DeliveryMode.DAILY,
            DeliveryMode.IMMEDIATE,
        ),
        (
            CategoryPreference(delivery=DeliveryMode.WEEKLY),
            DeliveryMode.HOURLY,
            DeliveryMode.WEEKLY,
        ),
    ],
)
def test_the_types_rule_stands_in_for_a_choice(
    chosen: CategoryPreference | None, rule: DeliveryMode | None, mode: DeliveryMode
) -> None:
    assert delivery_mode(chosen, rule) is mode


@given(st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1)), st.text(), st.text())  # noqa: DTZ001
def test_a_digests_id_follows_from_who_and_when(at: datetime, user: str, key: str) -> None:
    instant = at.replace(tzinfo=UTC)
    made = derived_id(instant, user, key, instant.isoformat())
    assert made == derived_id(instant, user, key, instant.isoformat())
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert made.int >> 80 == int(instant.timestamp() * 1000)
    later = instant + timedelta(microseconds=1)
    assert made != derived_id(later, user, key, later.isoformat())
    if user != key:
        assert made != derived_id(instant, key, user, instant.isoformat())


@given(st.text(min_size=1, max_size=255))
def test_every_key_makes_a_workflow_id_the_server_takes(key: str) -> None:
    made = digest_workflow_id("u" * 128, key)
    assert len(made.encode()) <= 700
    if len(key.encode()) <= LONGEST_KEY:
        assert made.endswith(f"/{key}")
    assert digest_key_of(key, Category.JOBS) == key
    assert digest_key_of(None, Category.JOBS) == "jobs"


STARTERS = {t.locale: t for t in load_starter_templates() if t.key == DIGEST_TYPE}
WORDS = {"en": "and {} more", "de": "und {} weitere", "fr": "et {} de plus"}


def rendered(locale: str, items: list[DigestItem], channel: Channel) -> RenderedMessage:
    template = compile_template(
        STARTERS[locale].channels, locale=locale, layouts=starter_layouts(locale)
    )
    context = {
        "data": digest_data(in_order(items)), "title": "", "content": "", "user": {"name": "Ada"},
        "links": {"unsubscribe": "https://example.com/u", "preferences": "https://example.com/p"},
    }  # fmt: skip
    return TemplateRenderer().render(template, context, channel=channel)


@pytest.mark.parametrize("locale", WORDS)
def test_the_starter_template_groups_caps_and_counts(locale: str) -> None:
    matches = [an_item(n, content="Words", url=f"https://example.com/{n}") for n in range(1, 31)]
    messages = [an_item(100 + n, "message_received") for n in range(2)]
    email = rendered(locale, [*matches, *messages], Channel.EMAIL)
    assert email.subject is not None
    assert "32" in email.subject
    for text in (email.html or "", email.text):
        assert "(30)" in text
        assert "(2)" in text
        assert "Title 18" in text
        assert "Title 19" not in text
        assert "Title 101" in text
        assert WORDS[locale].format(12) in text
    short = rendered(locale, [*matches, *messages], Channel.PUSH)
    assert short.text.endswith(WORDS[locale].format(29))
    assert short.text.count("Title") == 3
    few = rendered(locale, matches[:3], Channel.SMS)
    assert WORDS[locale].format(0) not in few.text
    assert "(3)" not in rendered(locale, matches[:3], Channel.EMAIL).text


@pytest.mark.parametrize("channel", Channel)
def test_the_largest_digest_can_be_rendered(channel: Channel) -> None:
    items = [an_item(n, TYPES[n % 5], content="Words " * 50) for n in range(1, MOST_ITEMS + 1)]
    message = rendered("en", items, channel)
    assert "1000" in (message.subject or message.title or message.text)
