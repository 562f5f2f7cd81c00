"""Deciding: the pure rules, and the limits by number, which are exact only in the database."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from domain.enums import Channel, Priority
from domain.facts import PlanFacts
from domain.plan import make_plan
from domain.plan_types import Plan
from domain.ports.planning import PlanningSnapshot
from domain.ports.storage import Transaction
from domain.sms.limits import DEFAULT_LIMITS, NumberLimit


class PlanMaker:
    def __init__(self, number_limits: Sequence[NumberLimit] = DEFAULT_LIMITS) -> None:
        self._number_limits = number_limits

    async def make(
        self, tx: Transaction, snapshot: PlanningSnapshot, facts: PlanFacts, now: datetime
    ) -> Plan:
        """The plan, made once more when it would send an SMS to a number that has had enough."""
        plan = make_plan(facts, now)
        if Channel.SMS not in plan.ready() or snapshot.phone_hash is None:
            return plan
        critical = snapshot.notification.priority is Priority.CRITICAL
        free_at = await tx.sms_usage.reserve(
            snapshot.phone_hash,
            snapshot.notification.id,
            now,
            () if critical else self._number_limits,
        )
        return plan if free_at is None else make_plan(replace(facts, number_free_at=free_at), now)
