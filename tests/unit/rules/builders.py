"""Facts for tests: plain ones by keyword, and hypothesis strategies for all others."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from domain.enums import (
    Category,
    Channel,
    ConsentType,
    DeliveryMode,
    Priority,
    Strategy,
    Weekday,
    WhenExceeded,
)
from domain.facts import Hold, NotificationFacts, PlanFacts, Reach, Usage
from domain.preferences import (
    Caps,
    CategoryPreference,
    ChannelPreference,
    Frequency,
    Preferences,
    QuietHours,
)

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
REACH: Mapping[Channel, Reach] = {
    Channel.EMAIL: Reach(1),
    Channel.SMS: Reach(1, destination_country="DE"),
    Channel.PUSH: Reach(2),
}
ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Asia/Tehran",
    "America/St_Johns",
    "America/Havana",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "UTC",
)


def notification(**changes: Any) -> NotificationFacts:
    plain = NotificationFacts(
        id=UUID(int=1),
        user_id="u",
        type="job_match",
        category=Category.JOBS,
        priority=Priority.MEDIUM,
        strategy=Strategy.ALL,
        channels=tuple(Channel),
        accepted_at=NOW,
    )
    return replace(plain, **changes)


def preferences(**changes: Any) -> Preferences:
    return Preferences(user_id="u", **changes)


def facts(
    *,
    prefs: Mapping[str, Any] | None = None,
    timezone: str = "Europe/Berlin",
    consents: Mapping[ConsentType, bool] | None = None,
    subscription: frozenset[Channel] | None = None,
    reach: Mapping[Channel, Reach] = REACH,
    usage: tuple[Usage, ...] = (),
    throttles: Mapping[Channel, tuple[int, timedelta]] | None = None,
    duplicate_of: UUID | None = None,
    holds: Mapping[Channel, Hold] | None = None,
    **of_notification: Any,
) -> PlanFacts:
    return PlanFacts(
        notification=notification(**of_notification),
        preferences=preferences(**(prefs or {})),
        timezone=timezone,
        consents={ConsentType.SMS: True} if consents is None else consents,
        subscription=subscription,
        reach=reach,
        usage=usage,
        throttles=throttles or {},
        duplicate_of=duplicate_of,
        holds=holds or {},
    )


def used(
    at: datetime,
    number: int,
    *,
    channel: Channel = Channel.EMAIL,
    category: Category = Category.JOBS,
) -> Usage:
    return Usage(UUID(int=number), category, channel, at)


def instants(first_year: int = 2008, last_year: int = 2030) -> st.SearchStrategy[datetime]:
    """Whole seconds, so that failures are readable; edges are tested by name."""
    return st.datetimes(
        datetime(first_year, 1, 1),  # noqa: DTZ001
        datetime(last_year, 12, 1),  # noqa: DTZ001
        timezones=st.just(UTC),
    ).map(lambda value: value.replace(microsecond=0))


zones = st.sampled_from(ZONES)
wall_times = st.builds(time, st.integers(0, 23), st.sampled_from([0, 1, 15, 30, 59]))
channel_sets = st.frozensets(st.sampled_from(Channel))
quiet_hours = st.builds(
    QuietHours,
    enabled=st.just(True),
    start=wall_times,
    end=wall_times,
    timezone=st.none(),
    days=st.frozensets(st.sampled_from(Weekday)),
    channels=channel_sets,
)
_maximum = st.none() | st.integers(0, 3)
frequencies = st.builds(
    Frequency,
    max_per_hour=_maximum,
    max_per_day=_maximum,
    max_per_week=_maximum,
    categories=st.dictionaries(
        st.just(Category.JOBS), st.builds(Caps, max_per_hour=_maximum, max_per_day=_maximum)
    ),
    when_exceeded=st.sampled_from(WhenExceeded),
)
category_preferences = st.builds(
    CategoryPreference,
    enabled=st.sampled_from([True, True, False]),
    channels=st.none() | channel_sets,
    delivery=st.sampled_from(DeliveryMode),
)
any_preferences = st.fixed_dictionaries(
    {
        "channels": st.dictionaries(
            st.sampled_from(Channel),
            st.builds(ChannelPreference, enabled=st.sampled_from([None, True, False])),
        ),
        "quiet_hours": quiet_hours | st.just(QuietHours()),
        "frequency": frequencies | st.just(Frequency()),
        "categories": st.dictionaries(st.just(Category.JOBS), category_preferences),
    }
).map(lambda chosen: preferences(**chosen))
reaches = st.builds(
    Reach,
    targets=st.integers(0, 2),
    suppressed=st.integers(0, 1),
    suppression_reason=st.none() | st.just("bounced"),
    destination_country=st.sampled_from([None, "FR", "US", "AE", "DE"]),
)


any_throttles = st.dictionaries(
    st.sampled_from(Channel), st.tuples(st.integers(0, 3), st.just(timedelta(minutes=30)))
)
any_holds = st.dictionaries(
    st.sampled_from(Channel),
    st.builds(
        Hold,
        st.sampled_from(["channel:email", "provider:resend"]),
        st.timedeltas(timedelta(0), timedelta(hours=1)).map(lambda rest: NOW + rest),
    ),
)


def any_usage(past: st.SearchStrategy[datetime]) -> st.SearchStrategy[list[Usage]]:
    one = st.builds(
        Usage,
        st.integers(2, 9).map(lambda n: UUID(int=n)),
        st.sampled_from([Category.JOBS, Category.MESSAGES]),
        st.sampled_from(Channel),
        past,
    )
    return st.lists(one, max_size=8)


@st.composite
def any_facts(draw: st.DrawFn, now: datetime) -> PlanFacts:
    """Facts as they may be at `now`."""
    some_time = st.integers(-8 * 24 * 60, 8 * 24 * 60).map(lambda m: now + timedelta(minutes=m))
    past = st.integers(0, 7 * 24 * 60).map(lambda m: now - timedelta(minutes=m))
    return PlanFacts(
        notification=notification(
            priority=draw(st.sampled_from(Priority)),
            strategy=draw(st.sampled_from(Strategy)),
            channels=tuple(draw(st.permutations(list(Channel)))[: draw(st.integers(0, 4))]),
            accepted_at=draw(past),
            scheduled_at=draw(st.none() | some_time),
            expires_at=draw(st.none() | some_time),
            legally_transactional=draw(st.booleans()),
            required_consent=draw(st.none() | st.just(ConsentType.MARKETING)),
            send_now=draw(st.booleans()),
        ),
        preferences=draw(any_preferences),
        timezone=draw(zones | st.sampled_from(["Europe/Paris", "America/Chicago"])),
        consents=draw(st.dictionaries(st.sampled_from(ConsentType), st.booleans())),
        subscription=draw(st.none() | channel_sets),
        reach=draw(st.dictionaries(st.sampled_from(Channel), reaches)),
        usage=tuple(draw(any_usage(past))),
        throttles=draw(any_throttles),
        duplicate_of=draw(st.sampled_from([None, None, None, UUID(int=99)])),
        holds=draw(any_holds),
    )


@st.composite
def facts_and_now(draw: st.DrawFn) -> tuple[PlanFacts, datetime]:
    now = draw(instants())
    return draw(any_facts(now)), now
