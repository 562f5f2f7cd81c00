"""Held by an operator, and resumed."""

from domain.enums import PlanTrigger
from domain.messages import DeliverOutcome, SignalKind
from tests.workflows.ledger import NOW, Case
from tests.workflows.scenarios.base import ACCEPTED, DAY, EMAIL, INBOX, ended, scenario, state_of
from tests.workflows.world import Handle, World

HELD = DeliverOutcome.HELD


@scenario
async def paused_and_resumed(world: World) -> Handle:
    """The attempt finds a pause; nothing is tried until it is over."""
    case = Case({EMAIL: NOW}, script={EMAIL: [HELD]}, held_for=DAY)
    handle = await world.start(case, skip=False)
    while len(case.plans) < 2:
        case.planned.clear()
        await case.planned.wait()
    assert (await state_of(handle)).deliveries == {}
    case.due[EMAIL] = NOW
    await handle.signal(SignalKind.RESUMED)
    await ended(handle, case, "sent")
    assert case.triggers == [ACCEPTED, PlanTrigger.HELD, PlanTrigger.RESUMED]
    return handle


@scenario
async def paused_and_looked_at_again(world: World) -> Handle:
    """A wake-up call that got lost only delays: the plan's own instant looks again."""
    case = Case({EMAIL: NOW, INBOX: NOW}, script={EMAIL: [HELD]}, held_for=DAY)
    handle = await ended(await world.start(case), case, "sent")
    assert case.triggers == [ACCEPTED, PlanTrigger.HELD, PlanTrigger.DUE]
    assert sorted(case.sent) == sorted([INBOX, EMAIL])
    return handle


@scenario
async def paused_and_cancelled(world: World) -> Handle:
    case = Case({EMAIL: NOW}, script={EMAIL: [HELD]}, held_for=DAY)
    handle = await world.start(case, skip=False)
    while len(case.plans) < 2:
        case.planned.clear()
        await case.planned.wait()
    await handle.signal(SignalKind.CANCEL)
    await ended(handle, case, "cancelled")
    assert case.sent == []
    return handle
