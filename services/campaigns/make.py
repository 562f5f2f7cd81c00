"""The messages of a chunk. One that cannot be made fails alone, by the name of what is wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.campaigns.ids import recipient_id
from domain.campaigns.records import RecipientStatus
from domain.enums import Channel
from domain.errors import Conflict, HeraldError, RateLimited, Unavailable
from domain.ports.campaigns import ChunkLine, LineResult, OpenBatch
from domain.ports.precedence import Precedence
from domain.ports.providers import OutboundMessage
from domain.ports.runtime import RenderProblem
from services.campaigns.calls import Call, unknown_result
from services.campaigns.intents import Notified
from services.campaigns.words import Edition
from services.notifications.accept import AcceptService

STEP: Final = 100
"""Messages made without a look at who goes first."""


@dataclass(frozen=True, slots=True)
class Made:
    emails: tuple[tuple[ChunkLine, OutboundMessage], ...]
    notified: tuple[Notified, ...]
    failed: tuple[LineResult, ...]


async def make_messages(
    edition: Edition,
    lines: Sequence[ChunkLine],
    accept: AcceptService,
    precedence: Precedence,
    now: datetime,
) -> Made:
    """Emails; on the other channels each is a notification of its own, with all that those have:
    devices, segments, the inbox."""
    emails: list[tuple[ChunkLine, OutboundMessage]] = []
    notified: list[Notified] = []
    failed: list[LineResult] = []
    for place, line in enumerate(lines):
        if place % STEP == 0:
            await precedence.give_way()
        try:
            if line.channel is Channel.EMAIL:
                emails.append((line, edition.email(line, now)))
            else:
                notification_id = recipient_id(edition.campaign.id, line.ordinal)
                made = await accept.prepare(edition.notification(line), notification_id)
                notified.append((line, *made))
        except (Conflict, RateLimited, Unavailable):
            raise
        except (HeraldError, RenderProblem) as problem:
            failed.append(LineResult(line.ordinal, RecipientStatus.FAILED, _reason(problem)))
    return Made(tuple(emails), tuple(notified), tuple(failed))


def made_again(
    edition: Edition, lines: Mapping[int, ChunkLine], batch: OpenBatch, now: datetime
) -> tuple[Call, tuple[LineResult, ...]]:
    """The call of an old intent once more, and those it cannot be repeated for: whose address went
    away since, or whose message can no longer be made, so that nobody will know of them."""
    found = [lines[ordinal] for ordinal in batch.ordinals if ordinal in lines]
    lost = [unknown_result(line, batch.provider) for line in found if line.user.email is None]
    made = []
    for line in found:
        if line.user.email is None:
            continue
        try:
            made.append((line, edition.email(line, batch.intent_at or now)))
        except RenderProblem:
            lost.append(unknown_result(line, batch.provider))
    kept = tuple(line for line, _ in made)
    return Call(batch, kept, tuple(message for _, message in made)), tuple(lost)


def _reason(problem: HeraldError | RenderProblem) -> str:
    if isinstance(problem, RenderProblem) and problem.variable is not None:
        return f"missing:{problem.variable}"
    return problem.code
