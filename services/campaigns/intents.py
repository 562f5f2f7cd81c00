"""Writing the intents of a chunk's provider calls: the one moment that decides what may leave.

One transaction under a lock on the chunk and a hold on the campaign, so that two attempts never
write for the same recipient and a cancel finds every intent there will ever be. The calls are
written and made in waves: what no call was begun for has no intent, so a process that dies leaves
in doubt no more than it was calling, and a pause or a cancel waits for one wave at most.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from domain.campaigns.messages import ChunkInput
from domain.campaigns.records import Campaign, CampaignStatus, RecipientStatus
from domain.content import Content
from domain.errors import Conflict
from domain.ids import new_id
from domain.ports.campaigns import ChunkLine, LineResult, OpenBatch
from domain.ports.providers import OutboundMessage
from domain.ports.runtime import Clock
from domain.ports.storage import Transaction, UnitOfWork
from domain.records.notifications import Notification
from services.campaigns.calls import CALLS_AT_ONCE, Call
from services.campaigns.route import ChunkWay, WarmUpDay, warm_up_day

SENDS = frozenset({CampaignStatus.RUNNING, CampaignStatus.TESTING})

Notified = tuple[ChunkLine, Notification, Content]
"""A recipient with the notification that carries the message on."""


@dataclass(frozen=True, slots=True)
class Wave:
    """What one transaction writes."""

    calls: tuple[Call, ...] = ()
    results: tuple[LineResult, ...] = ()
    """Lines that end, or are put off, without a call."""
    notified: tuple[Notified, ...] = ()


class CampaignIntents:
    def __init__(self, uow: UnitOfWork, clock: Clock) -> None:
        self._uow = uow
        self._clock = clock

    async def write(self, command: ChunkInput, campaign: Campaign, wave: Wave) -> Wave:
        """What of it may go now; the rest is put off to another day. Raises `Conflict`, with
        nothing written, when the campaign changed or another attempt is at work."""
        now = self._clock()
        async with self._uow() as tx:
            await tx.campaigns.lock_chunk(campaign.id, command.low)
            day = warm_up_day(campaign, now)
            if day is not None and (wave.calls or wave.notified):
                # Before the campaign is held: who waits for a turn here keeps no pause waiting.
                wave = await _within(tx, campaign, wave, day)
            held = await tx.campaigns.hold(campaign.id)
            if held is None or held.status not in SENDS or held.revision != campaign.revision:
                raise Conflict("campaign_changed", "The campaign changed while it was planned.")
            handed_on = [
                LineResult(line.ordinal, RecipientStatus.PENDING, notification_id=notification.id)
                for line, notification, _ in wave.notified
            ]
            written = await tx.campaigns.write_batches(
                campaign.id,
                command.low,
                [call.batch for call in wave.calls],
                [line.ordinal for line, _, _ in wave.notified],
                now,
                day.day if day else None,
            )
            if not written:
                raise Conflict("chunk_taken", "Another attempt is at work on this chunk.")
            await tx.notifications.insert([(made, content) for _, made, content in wave.notified])
            await tx.campaigns.settle(campaign.id, [*wave.results, *handed_on], at=now)
        return wave


async def _within(tx: Transaction, campaign: Campaign, wave: Wave, day: WarmUpDay) -> Wave:
    """As much of it as the day still holds; the rest waits for the next one."""
    wanted = sum(len(call.lines) for call in wave.calls) + len(wave.notified)
    left = await tx.campaigns.take_share(campaign.id, day.day, day.began, day.most, wanted)
    kept: list[Call] = []
    late: list[ChunkLine] = []
    for call in wave.calls:
        some = min(left, len(call.lines))
        left -= some
        late += call.lines[some:]
        if some:
            batch = replace(call.batch, ordinals=call.batch.ordinals[:some])
            kept.append(Call(batch, call.lines[:some], call.messages[:some]))
    late += [line for line, _, _ in wave.notified[left:]]
    put_off = [
        LineResult(line.ordinal, RecipientStatus.PENDING, "warm_up", due_at=day.ends)
        for line in late
    ]
    return Wave(tuple(kept), (*wave.results, *put_off), wave.notified[:left])


def waves_of(
    calls: Sequence[Call], results: Sequence[LineResult], notified: Sequence[Notified]
) -> list[Wave]:
    """Never none; what needs no call goes with the first."""
    first, rest = tuple(calls[:CALLS_AT_ONCE]), calls[CALLS_AT_ONCE:]
    starts = range(0, len(rest), CALLS_AT_ONCE)
    later = [Wave(tuple(rest[start : start + CALLS_AT_ONCE])) for start in starts]
    return [Wave(first, tuple(results), tuple(notified)), *later]


def calls_of(way: ChunkWay, made: Iterable[tuple[ChunkLine, OutboundMessage]]) -> list[Call]:
    """As many messages in each as the provider takes in one."""
    remaining = iter(made)
    calls = []
    while part := tuple(islice(remaining, way.batch_size)):
        lines = tuple(line for line, _ in part)
        ordinals = tuple(line.ordinal for line in lines)
        batch = OpenBatch(new_id(), way.provider.name, ordinals)
        calls.append(Call(batch, lines, tuple(message for _, message in part)))
    return calls
