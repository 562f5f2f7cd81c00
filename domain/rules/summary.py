"""A plan in one sentence that a support person can read out."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from domain.enums import Channel, GateOutcome, PlanOutcome
from domain.plan_types import ChannelPlan, Plan
from domain.rules.local_time import clock, zone_of
from domain.rules.reasons import Reason, clause

CHANNEL_NAMES: Final = {
    Channel.EMAIL: "email",
    Channel.SMS: "SMS",
    Channel.PUSH: "push",
    Channel.WEBSOCKET: "in-app",
}
_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)
_SOON: Final = timedelta(hours=24)


def plan_sentence(plan: Plan, timezone: str, *, now: datetime | None = None) -> str:
    """What the plan says, times in `timezone` (an IANA name).

    Given `now`, a time within the next 24 hours is told without its date.
    """
    if plan.outcome is PlanOutcome.DELIVER:
        return _delivering(plan, timezone, now)
    if plan.outcome is PlanOutcome.WAIT:
        return _waiting(plan, timezone, now)
    return _ended(plan)


def _delivering(plan: Plan, timezone: str, now: datetime | None) -> str:
    going = [c.channel for c in plan.channels if c.outcome is GateOutcome.ALLOW]
    rest = [c for c in plan.channels if c.outcome is not GateOutcome.ALLOW]
    return _join([f"Going out now on {_names(going)}", *_parts(plan, rest, timezone, now)])


def _waiting(plan: Plan, timezone: str, now: datetime | None) -> str:
    lead = [c for c in plan.channels if (c.until, c.reason) == (plan.until, plan.reason)]
    rest = [c for c in plan.channels if c not in lead]
    on = f" on {_names(c.channel for c in lead)}" if lead else ""
    when = f" until {time_words(plan.until, timezone, now)}" if plan.until else ""
    return _join(
        [f"Waiting{when} because {clause(plan.reason, on)}", *_parts(plan, rest, timezone, now)]
    )


def _ended(plan: Plan) -> str:
    reasons = [_why(plan, channel) for channel in plan.channels] or [clause(plan.reason)]
    if len(set(reasons)) == 1:
        return f"Not sent because {reasons[0]}."
    return "Not sent: " + _join(_parts(plan, plan.channels, "UTC", None))


def _why(plan: Plan, channel: ChannelPlan) -> str:
    """The clause of a channel's reason; of a suppressed address also what it is suppressed for."""
    told = clause(channel.reason)
    if channel.reason == Reason.SUPPRESSED:
        for gate in plan.gates:
            if gate.channel is channel.channel and gate.facts.get("suppressionReason"):
                return f"{told} ({gate.facts['suppressionReason'].replace('_', ' ')})"
    return told


def _parts(
    whole: Plan, channels: Sequence[ChannelPlan], timezone: str, now: datetime | None
) -> Iterable[str]:
    alike: dict[tuple[str, str, datetime | None], list[ChannelPlan]] = {}
    for plan in channels:
        alike.setdefault((plan.outcome, _why(whole, plan), plan.until), []).append(plan)
    for (_, why, _), group in alike.items():
        yield _part(group[0], why, [plan.channel for plan in group], timezone, now)


def _part(
    plan: ChannelPlan, why: str, channels: Sequence[Channel], timezone: str, now: datetime | None
) -> str:
    names = _names(channels)
    one = len(channels) == 1
    if plan.until is not None:
        when = time_words(plan.until, timezone, now)
        return f"{names} {'waits' if one else 'wait'} until {when} because {why}"
    verb = "was" if one else "were"
    done = "skipped" if plan.outcome is GateOutcome.SKIP else "held back"
    return f"{names} {verb} {done} because {why}"


def _names(channels: Iterable[Channel]) -> str:
    *most, last = [CHANNEL_NAMES[channel] for channel in channels]
    return f"{', '.join(most)} and {last}" if most else last


def _join(parts: Iterable[str]) -> str:
    return "; ".join(parts) + "."


def time_words(instant: datetime, timezone: str, now: datetime | None = None) -> str:
    """`09:00 on Tue 1 Dec 2026 (Europe/Berlin)`; without the day if within 24 hours of `now`."""
    local = instant.astimezone(zone_of(timezone))
    if now is not None and instant - now < _SOON:
        return f"{clock(local)} ({timezone})"
    day = f"{_WEEKDAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]} {local.year}"
    return f"{clock(local)} on {day} ({timezone})"
