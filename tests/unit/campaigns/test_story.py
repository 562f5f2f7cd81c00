"""The story of one recipient: nothing left out, in order, in words."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.output import recipient_story
from domain.ab.definition import ABDesign
from domain.audience.shapes import Audience
from domain.campaigns.records import Campaign, CampaignStatus, Recipient, RecipientStatus
from domain.campaigns.shapes import CampaignWords
from domain.campaigns.story import LineCall, LineStory, sentence_of, timeline_of
from domain.enums import Category, Channel

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SENT, PENDING = RecipientStatus.SENT, RecipientStatus.PENDING
instants = st.none() | st.integers(-50_000, 50_000).map(lambda number: NOW + number * MINUTE)
reasons = st.sampled_from([None, "quiet_hours", "warm_up", "cancelled", "missing:data.x", "odd"])


def a_campaign(**fields: Any) -> Campaign:
    given: dict[str, Any] = {
        "id": UUID(int=7), "name": "A", "type": "newsletter", "category": Category.MARKETING,
        "channels": (Channel.EMAIL,), "words": CampaignWords(),
        "audience": Audience(everyone=True), "status": CampaignStatus.RUNNING,
        "created_at": NOW, "updated_at": NOW,
    }  # fmt: skip
    return Campaign(**given | fields)


def a_story(status: RecipientStatus = PENDING, **fields: Any) -> LineStory:
    own = {name: fields.pop(name) for name in LineStory.__slots__ if name in fields}
    line = Recipient(0, "ann", Channel.EMAIL, status, **fields)
    return LineStory(line, **{"planned_at": NOW - 9 * MINUTE} | own)


@st.composite
def stories(draw: st.DrawFn) -> LineStory:
    calls = [
        LineCall("resend", at, draw(instants), draw(st.booleans()))
        for at in draw(st.lists(instants.filter(bool), max_size=3))
    ]
    return a_story(
        draw(st.sampled_from(RecipientStatus)),
        reason=draw(reasons),
        due_at=draw(instants),
        provider=draw(st.sampled_from([None, "resend"])),
        sent_at=draw(instants),
        outcome=draw(st.sampled_from([None, "delivered", "bounced", "complained", "failed"])),
        opened_at=draw(instants),
        clicked_at=draw(instants),
        unsubscribed_at=draw(instants),
        planned_at=draw(instants),
        outcome_at=draw(instants),
        calls=tuple(calls),
        notification_id=draw(st.none() | st.uuids()),
        handed_on_at=draw(instants),
    )


@given(stories())
def test_a_timeline_is_in_order_and_leaves_nothing_out(story: LineStory) -> None:
    timeline = timeline_of(story)
    known = [event.at for event in timeline if event.at]
    assert known == sorted(known)
    line, events = story.line, [event.event for event in timeline]
    wanted = ["planned", *("intent" for _ in story.calls)]
    wanted += ["deferred"] if line.reason and story.is_to_be_planned else []
    wanted += ["handed_on"] if story.notification_id else []
    wanted += [line.status.value] if line.status is not PENDING else []
    wanted += [line.outcome] if line.outcome else []
    wanted += [
        word
        for word in ("opened", "clicked", "unsubscribed")
        if getattr(line, f"{word}_at") is not None
    ]
    assert sorted(events) == sorted(wanted)


@given(stories(), st.sampled_from(CampaignStatus))
def test_there_is_always_a_sentence(story: LineStory, status: CampaignStatus) -> None:
    said = sentence_of(story, a_campaign(status=status), "Europe/Berlin", NOW)
    assert said.endswith(".")
    assert " on email" in said
    assert "None" not in said
    assert said[0].isupper()


TEST = ABDesign.model_validate({"variants": [{"name": "A"}, {"name": "B"}], "fraction": 0.5,
                                "decideAfter": "PT1H"})  # fmt: skip


@pytest.mark.parametrize(
    ("story", "campaign", "sentence"),
    [
        (
            a_story(SENT, provider="resend", sent_at=NOW, outcome="delivered", opened_at=NOW,
                    clicked_at=NOW),
            {},
            "Sent on email by resend at 13:00 on Tue 1 Dec 2026 (Europe/Berlin); delivered, opened"
            " and clicked.",
        ),
        (
            a_story(SENT, sent_at=NOW, outcome="bounced"),
            {},
            "Sent on email at 13:00 on Tue 1 Dec 2026 (Europe/Berlin); it came back.",
        ),
        (
            a_story(RecipientStatus.SKIPPED, reason="unsubscribed"),
            {},
            "Not sent on email because the user unsubscribed from this type of notification.",
        ),
        (
            a_story(RecipientStatus.FAILED, reason="missing:data.job"),
            {},
            "Not sent on email: its words need data.job, which is missing.",
        ),
        (
            a_story(reason="quiet_hours", due_at=NOW + MINUTE),
            {},
            "Waits on email until 13:01 on Tue 1 Dec 2026 (Europe/Berlin) because the user has"
            " quiet hours.",
        ),
        (
            a_story(due_at=NOW + MINUTE),
            {},
            "Waits on email until 13:01 on Tue 1 Dec 2026 (Europe/Berlin), its time in the"
            " schedule.",
        ),
        (a_story(), {}, "Waits on email for its turn."),
        (a_story(), {"test": TEST}, "Waits on email for the winner of the test."),
        (a_story(), {"test": TEST, "winner": 1}, "Waits on email for its turn."),
        (
            a_story(reason="quiet_hours", due_at=NOW + MINUTE),
            {"status": CampaignStatus.PAUSED},
            "Waits on email because its campaign is paused.",
        ),
        (
            a_story(calls=(LineCall("resend", NOW),)),
            {},
            "Given to resend on email; its answer is awaited.",
        ),
        (
            a_story(calls=(LineCall("resend", NOW, in_doubt=True),)),
            {"status": CampaignStatus.PAUSED},
            "Given to resend on email; its answer was lost and is asked for.",
        ),
    ],
)  # fmt: skip
def test_sentences(story: LineStory, campaign: dict[str, Any], sentence: str) -> None:
    assert sentence_of(story, a_campaign(**campaign), "Europe/Berlin", NOW) == sentence


def test_a_terminal_tells_it_line_by_line() -> None:
    story = a_story(reason="quiet_hours", due_at=NOW + MINUTE)
    timeline = [event.model_dump(mode="json", by_alias=True) for event in timeline_of(story)]
    gate = {"gate": "quiet_hours", "channel": "email", "outcome": "defer", "reason": "quiet_hours"}
    shown = recipient_story(
        {
            "summary": "Waits.",
            "lines": [
                {
                    "channel": "email", "status": "pending", "timeline": timeline,
                    "now": {"summary": "Waiting.", "gates": [gate]}, "notificationId": "n-1",
                }
            ],
        }
    )  # fmt: skip
    assert shown[0] == "Waits."
    assert shown[1] == "… email: pending"
    assert shown[2].endswith("planned")
    assert "deferred  reason quiet_hours, until 2026-12-01T12:01:00Z" in shown[3]
    assert shown[4:] == [
        "  if it were its turn now: Waiting.",
        "      quiet_hours on email: defer, quiet_hours",
        "  more: ./herald explain n-1",
    ]
