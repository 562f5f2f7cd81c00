"""When an announcement is shown, what a reader has to hear, and whose notification is whose."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.announcements.shapes import (
    EVERYONE,
    AmendAnnouncement,
    Announcement,
    AnnouncementStatus,
    Change,
    NewAnnouncement,
    campaign_id_for,
    change_since,
    changed,
    due_change,
    next_look,
    status_at,
)
from domain.audience.shapes import Audience
from domain.enums import Channel, Priority
from domain.ids import new_id
from services.announcements.service import step_of

START = datetime(2026, 12, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
minutes = st.integers(-1_000, 1_000).map(lambda n: START + n * MINUTE)
ids = st.uuids()


def a_row(starts_at: datetime = START, ends_at: datetime | None = None) -> Announcement:
    return Announcement(
        id=UUID(int=1), title="T", content="C", data={}, audience=EVERYONE,
        channels=(Channel.WEBSOCKET,), priority=Priority.MEDIUM, starts_at=starts_at,
        ends_at=ends_at, status=AnnouncementStatus.SCHEDULED, created_at=START, updated_at=START,
    )  # fmt: skip


@given(minutes, st.integers(1, 500), minutes)
def test_it_is_active_from_its_start_until_its_end(
    starts_at: datetime, lasts: int, now: datetime
) -> None:
    row = a_row(starts_at, starts_at + lasts * MINUTE)
    active = starts_at <= now < starts_at + lasts * MINUTE
    assert (status_at(row, now) is AnnouncementStatus.ACTIVE) is active
    withdrawn = changed(row, Change.WITHDRAWN, 1)
    assert status_at(withdrawn, now) is AnnouncementStatus.WITHDRAWN


@given(minutes, st.none() | st.integers(1, 500), st.lists(minutes, max_size=8))
def test_however_it_is_looked_at_it_is_published_and_ended_once(
    starts_at: datetime, lasts: int | None, looks: list[datetime]
) -> None:
    """Looks in the order of time, and once more at each instant the row itself names."""
    row = a_row(starts_at, starts_at + lasts * MINUTE if lasts else None)
    seen: list[Change] = []
    for now in sorted([*looks, starts_at, *([row.ends_at] if row.ends_at else [])]):
        for _ in range(2):
            change = due_change(row, now)
            if change is not None:
                seen.append(change)
                row = changed(row, change, len(seen))
        due = next_look(row)
        assert due is None or due > now
    assert seen == ([Change.PUBLISHED, Change.ENDED] if lasts else [Change.PUBLISHED])
    assert status_at(row, START + 10_000 * MINUTE) is row.status


@given(st.lists(st.sampled_from([Change.UPDATED, Change.ENDED, Change.WITHDRAWN]), max_size=4),
       st.integers(0, 9))  # fmt: skip
def test_a_reader_hears_all_that_came_after_what_it_knows(
    changes: list[Change], known: int
) -> None:
    row, last = a_row(), Change.PUBLISHED
    for version, change in enumerate([Change.PUBLISHED, *changes], 3):
        row, last = changed(row, change, version), change
        if change is not Change.UPDATED and change is not Change.PUBLISHED:
            break
    heard = change_since(row, known)
    assert row.version is not None
    if known >= row.version:
        assert heard is None
    elif known >= 3:
        assert heard is last
    else:
        over = last in {Change.ENDED, Change.WITHDRAWN}
        assert heard is (None if over else Change.PUBLISHED)


def test_what_was_never_published_is_news_to_nobody() -> None:
    row = a_row()
    assert change_since(row, 0) is None
    assert change_since(changed(row, Change.WITHDRAWN, 4), 0) is None


@given(ids, ids)
def test_each_has_one_campaign_for_its_other_channels(item: UUID, other: UUID) -> None:
    assert campaign_id_for(item) == campaign_id_for(UUID(str(item)))
    assert campaign_id_for(item) != item
    assert (campaign_id_for(item) == campaign_id_for(other)) is (item == other)


def test_its_campaign_is_named_once_it_was_started() -> None:
    row = a_row()
    assert row.campaign_id is None
    assert replace(row, sent_at=START).campaign_id == campaign_id_for(row.id)


@pytest.mark.parametrize(
    ("audience", "moves"),
    [
        ({"everyone": True}, False),
        ({"userIds": ["ada"]}, False),
        ({"list": str(new_id())}, True),
        ({"segment": {"field": "country", "op": "eq", "value": "DE"}}, True),
    ],
)
def test_segments_and_lists_move(audience: dict[str, object], moves: bool) -> None:
    row = replace(a_row(), audience=Audience.model_validate(audience))
    assert row.audience_moves is moves


def test_what_is_over_is_recalled_from_other_channels() -> None:
    row = a_row()
    sent = replace(row, channels=(Channel.WEBSOCKET, Channel.EMAIL))
    for change, recall in ((Change.PUBLISHED, False), (Change.UPDATED, False),
                           (Change.ENDED, True), (Change.WITHDRAWN, True)):  # fmt: skip
        assert step_of(changed(sent, change, 1)).recall is recall
        assert not step_of(changed(row, change, 1)).recall
    active = changed(sent, Change.PUBLISHED, 1)
    assert step_of(active).send
    assert not step_of(replace(active, sent_at=START)).send


@pytest.mark.parametrize(
    "audience", [{}, {"everyone": False}, {"everyone": True, "userIds": ["a"]}, {"userIds": []}]
)
def test_an_audience_is_one_thing(audience: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        NewAnnouncement.model_validate({"title": "T", "content": "C", "audience": audience})


def test_only_what_is_given_changes() -> None:
    change = AmendAnnouncement.model_validate(
        {"title": "N", "endsAt": None, "startsAt": None, "channels": ["sms"]}
    )
    assert change.changes() == {
        "title": "N", "ends_at": None, "channels": (Channel.WEBSOCKET, Channel.SMS),
    }  # fmt: skip
    row = replace(a_row(), channels=(Channel.WEBSOCKET, Channel.SMS))
    assert row.other_channels == (Channel.SMS,)
