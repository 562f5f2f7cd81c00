"""What became of one recipient of a campaign: its timeline, and a sentence to read out. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import Field

from domain.base import Wire
from domain.campaigns.records import Campaign, CampaignStatus, Recipient, RecipientStatus
from domain.rules.reasons import clause
from domain.rules.summary import CHANNEL_NAMES, time_words

_HEARD: Final = {
    "delivered": "delivered",
    "bounced": "it came back",
    "complained": "it was reported as spam",
    "failed": "its provider could not deliver it",
}
_CLAUSES: Final = {
    "warm_up": "the campaign's warm-up has sent its share of the day",
    "cancelled": "it was cancelled",
    "outcome_unknown": "the provider may have taken it and cannot be asked, and nobody is written"
    " to twice",
}
_MISSING: Final = "missing:"


@dataclass(frozen=True, slots=True)
class LineCall:
    """One provider call this recipient's message was a part of."""

    provider: str
    intent_at: datetime
    done_at: datetime | None = None
    """None: nothing was recorded of its answer yet."""
    in_doubt: bool = False
    """It was repeated, as its answer was lost."""


@dataclass(frozen=True, slots=True)
class LineStory:
    """One line of a campaign's accounts with all that is known of it."""

    line: Recipient
    planned_at: datetime | None
    """When the audience was frozen."""
    outcome_at: datetime | None = None
    failures: int = 0
    """Refusals after which it was tried again."""
    calls: tuple[LineCall, ...] = ()
    """Oldest first; none for other channels than email."""
    notification_id: UUID | None = None
    """The notification that carries it on."""
    handed_on_at: datetime | None = None

    @property
    def is_with_provider(self) -> bool:
        return any(call.done_at is None for call in self.calls)

    @property
    def is_to_be_planned(self) -> bool:
        """The campaign itself still decides about it."""
        waits = self.line.status is RecipientStatus.PENDING
        return waits and self.notification_id is None and not self.is_with_provider


class StoryEvent(Wire):
    """`at` is null where the accounts keep no instant; the order is right all the same."""

    at: datetime | None
    event: str
    detail: dict[str, Any] = Field(default_factory=dict)


def timeline_of(story: LineStory) -> tuple[StoryEvent, ...]:
    """In the order in which it happened, as far as instants tell."""
    found = [*_before(story), *_endings(story), *_heard(story)]
    latest: datetime | None = None
    placed: list[tuple[datetime | None, StoryEvent]] = []
    for event in found:
        latest = event.at or latest
        placed.append((latest, event))
    first = [event for at, event in placed if at is None]
    rest = sorted(
        ((at, event) for at, event in placed if at is not None), key=lambda entry: entry[0]
    )
    return (*first, *(event for _, event in rest))


def sentence_of(story: LineStory, campaign: Campaign, timezone: str, now: datetime) -> str:
    """Times in `timezone`, an IANA name."""
    line, on = story.line, f"on {CHANNEL_NAMES[story.line.channel]}"
    if line.status is RecipientStatus.SENT:
        by = f" by {line.provider}" if line.provider else ""
        at = f" at {time_words(line.sent_at, timezone)}" if line.sent_at else ""
        heard = [_HEARD.get(line.outcome or "")] + [
            word
            for word, instant in (
                ("opened", line.opened_at),
                ("clicked", line.clicked_at),
                ("unsubscribed by its link", line.unsubscribed_at),
            )
            if instant
        ]
        told = _enumerated(word for word in heard if word)
        return f"Sent {on}{by}{at}{f'; {told}' if told else ''}."
    if line.status is RecipientStatus.PENDING:
        return f"{_waiting(story, campaign, on, timezone, now)}."
    why = _why(line.reason or "unknown")
    if line.status is RecipientStatus.SKIPPED:
        return f"Not sent {on} because {why}."
    return f"Not sent {on}: {why}."


def _waiting(story: LineStory, campaign: Campaign, on: str, timezone: str, now: datetime) -> str:
    line = story.line
    if story.notification_id is not None:
        return f"Carried {on} by a notification of its own, which tells more"
    if story.is_with_provider:
        call = story.calls[-1]
        lost = "its answer was lost and is asked for" if call.in_doubt else "its answer is awaited"
        return f"Given to {call.provider} {on}; {lost}"
    if campaign.status is CampaignStatus.PAUSED:
        return f"Waits {on} because {clause('campaign_paused')}"
    if line.due_at is not None and line.due_at > now:
        because = f" because {_why(line.reason)}" if line.reason else ", its time in the schedule"
        return f"Waits {on} until {time_words(line.due_at, timezone)}{because}"
    if campaign.test is not None and line.variant is None and campaign.winner is None:
        return f"Waits {on} for the winner of the test"
    again = f", put off before because {_why(line.reason)}" if line.reason else ""
    return f"Waits {on} for its turn{again}"


def _before(story: LineStory) -> Iterable[StoryEvent]:
    line = story.line
    detail = {"variant": line.variant, "until": None if line.reason else line.due_at}
    yield _event(story.planned_at, "planned", **detail)
    if line.reason and story.is_to_be_planned:
        yield _event(None, "deferred", reason=line.reason, until=line.due_at)
    for call in story.calls:
        yield _event(
            call.intent_at, "intent", provider=call.provider, inDoubt=call.in_doubt or None
        )
    if story.notification_id is not None:
        yield _event(story.handed_on_at, "handed_on", notificationId=story.notification_id)


def _endings(story: LineStory) -> Iterable[StoryEvent]:
    line = story.line
    if line.status is RecipientStatus.SENT:
        yield _event(
            line.sent_at,
            "sent",
            provider=line.provider,
            providerMessageId=line.provider_message_id,
        )
    elif line.status is not RecipientStatus.PENDING:
        refused = line.status is RecipientStatus.FAILED and line.provider and story.calls
        at = story.calls[-1].done_at if refused else None
        yield _event(at, line.status, provider=line.provider, reason=line.reason)


def _heard(story: LineStory) -> Iterable[StoryEvent]:
    line = story.line
    if line.outcome is not None:
        yield _event(story.outcome_at, line.outcome)
    for word, at in (
        ("opened", line.opened_at),
        ("clicked", line.clicked_at),
        ("unsubscribed", line.unsubscribed_at),
    ):
        if at is not None:
            yield _event(at, word)


def _event(at: datetime | None, event: str, **detail: object) -> StoryEvent:
    shown = {name: value for name, value in detail.items() if value is not None}
    return StoryEvent(at=at, event=event, detail=shown)


def _why(reason: str) -> str:
    if reason.startswith(_MISSING):
        return f"its words need {reason.removeprefix(_MISSING)}, which is missing"
    return _CLAUSES.get(reason) or clause(reason)


def _enumerated(words: Iterable[str]) -> str:
    *most, last = list(words) or [""]
    return f"{', '.join(most)} and {last}" if most else last
