"""Planning a chunk of a batch: the facts of all in a few queries, the same pure rules for each.

Limits and duplicates are as exact as for a single notification. What one plan does to another's
facts is known when it is saved, so of notifications with one content, or of one user who has
limits, a round plans the first and leaves the others to the next.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.enums import Channel, GateOutcome, PlanOutcome, PlanTrigger
from domain.facts import Usage
from domain.plan_types import Plan
from domain.ports.bulk import BulkTransaction
from domain.ports.planning import PlanDraft, PlanningSnapshot
from services.notifications.plan_draft import draft_of
from services.notifications.plan_facts import (
    DEDUP_WINDOW,
    USAGE_WINDOW,
    FactReader,
    claims_content,
    remaining_channels,
)
from services.notifications.plan_making import PlanMaker


@dataclass(frozen=True, slots=True)
class Planned:
    """One notification's plan. Without a draft it is for a workflow of its own."""

    notification_id: UUID
    draft: PlanDraft | None = None
    channel: Channel | None = None
    """The only one in play, which may be delivered now; None when the plan ends it."""


class BulkPlanner:
    def __init__(self, facts: FactReader, maker: PlanMaker) -> None:
        self._facts = facts
        self._maker = maker

    async def plan(
        self, tx: BulkTransaction, snapshots: Sequence[PlanningSnapshot], now: datetime
    ) -> list[Planned]:
        """A plan for each, but for those that have to wait for another one's. Nothing is written
        but claims on contents and numbers, which a later plan of the same notification keeps."""
        limited = {
            one.notification.user_id
            for one in snapshots
            if self._facts.is_limited(one, remaining_channels(one))
        }
        first = _independent(snapshots, limited)
        usage = await self._usage(tx, limited, now)
        duplicates = await self._duplicates(tx, first)
        # By number, so that two chunks wait for each other's numbers in the same order.
        return [
            await self._one(tx, snapshot, usage, duplicates, now)
            for snapshot in sorted(first, key=lambda one: one.phone_hash or "")
        ]

    async def reserve(
        self, tx: BulkTransaction, leaving: Sequence[tuple[PlanDraft, Channel]]
    ) -> None:
        """Counts what is about to be sent against its users' limits."""
        counted = []
        for draft, channel in leaving:
            item = draft.notification
            usage = Usage(item.id, item.category, channel, draft.at)
            counted.append((item.user_id, usage))
        if counted:
            await tx.bulk_planning.reserve_usage(counted)

    async def _usage(
        self, tx: BulkTransaction, limited: Collection[str], now: datetime
    ) -> Mapping[str, list[Usage]]:
        if not limited:
            return {}
        await tx.bulk_planning.lock_usage(limited)
        return await tx.bulk_planning.usage(limited, now - USAGE_WINDOW)

    async def _duplicates(
        self, tx: BulkTransaction, snapshots: Sequence[PlanningSnapshot]
    ) -> Mapping[UUID, UUID]:
        claiming = [one.notification for one in snapshots if claims_content(one.notification)]
        return await tx.bulk_planning.claim_contents(claiming, DEDUP_WINDOW) if claiming else {}

    async def _one(
        self,
        tx: BulkTransaction,
        snapshot: PlanningSnapshot,
        usage: Mapping[str, list[Usage]],
        duplicates: Mapping[UUID, UUID],
        now: datetime,
    ) -> Planned:
        item = snapshot.notification
        remaining = remaining_channels(snapshot)
        used = tuple(u for u in usage.get(item.user_id, ()) if u.notification_id != item.id)
        facts = self._facts.facts_of(snapshot, remaining, now, used, duplicates.get(item.id))
        plan = await self._maker.make(tx, snapshot, facts, now)
        channel = only_channel(plan)
        ends = plan.outcome in {PlanOutcome.SKIP, PlanOutcome.EXPIRE}
        several = channel is Channel.PUSH and len(snapshot.device_ids) > 1
        if several or (channel is None and not ends):
            return Planned(item.id)
        draft = draft_of(plan, snapshot, remaining, _trigger(snapshot), now)
        return Planned(item.id, draft, channel)


def only_channel(plan: Plan) -> Channel | None:
    """The channel of a plan that delivers on one, at once, with none waiting or in reserve."""
    in_play = [one for one in plan.channels if one.outcome is not GateOutcome.SKIP]
    if plan.outcome is not PlanOutcome.DELIVER or len(in_play) != 1:
        return None
    return in_play[0].channel if in_play[0].outcome is GateOutcome.ALLOW else None


def _trigger(snapshot: PlanningSnapshot) -> PlanTrigger:
    """One that was tried before is planned again because its next try is due."""
    tried = snapshot.notification.first_intent_at is not None
    return PlanTrigger.DUE if tried else PlanTrigger.ACCEPTED


def _independent(
    snapshots: Sequence[PlanningSnapshot], limited: Collection[str]
) -> list[PlanningSnapshot]:
    """Without those whose facts another one's plan may change."""
    taken: set[tuple[str, str]] = set()
    first = []
    for one in snapshots:
        user_id, content = one.notification.user_id, one.notification.content_hash
        claims = {(user_id, content), *([(user_id, "")] if user_id in limited else ())}
        if not claims & taken:
            taken |= claims
            first.append(one)
    return first
