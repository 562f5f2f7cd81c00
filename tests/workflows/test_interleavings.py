"""Whatever is signalled, in whatever order: nothing is sent twice, nothing is left open, a cancel's
answer is kept, and the history replays."""

import asyncio
import random
from dataclasses import dataclass
from datetime import timedelta

from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from temporalio.worker import Replayer

from domain.delivering import RetryLater
from domain.enums import Channel, Strategy
from domain.errors import Conflict, Unavailable
from domain.messages import CancelOutcome, DeliverOutcome, SignalKind
from tests.workflows.ledger import Case, Step
from tests.workflows.world import Handle, World
from workflows.notification import NotificationWorkflow

RUNS = 60
PATIENCE = 90
MOVES = ("cancel", "update", *SignalKind, "defer", "hasten", "opt_out", "ledger_cancel")
INSTANTS = [timedelta(0), timedelta(minutes=5), timedelta(hours=7), timedelta(days=2)]


@dataclass
class Play:
    """One notification and what is done to it, from a seed that a failure names."""

    seed: int

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.case = self._case()
        self.moves = self.random.choices(MOVES, k=self.random.randint(0, 6))
        self.answers: list[CancelOutcome] = []

    def _case(self) -> Case:
        draw = self.random
        channels = draw.sample(list(Channel), draw.randint(1, 4))
        return Case(
            due={channel: draw.choice(INSTANTS) for channel in channels},
            strategy=draw.choice(list(Strategy)),
            script={channel: self._steps() for channel in channels},
            expires_after=draw.choice([None, None, timedelta(hours=3)]),
            plan_failures=draw.choice([[], [], [Conflict("plan_overtaken", "changed")]]),
        )

    def _steps(self) -> list[Step]:
        draw = self.random
        failures: list[Exception] = [
            RetryLater("http_503", timedelta(seconds=20)),
            RetryLater("paused", timedelta(hours=1)),
            Unavailable("database_unavailable", "away"),
        ]
        steps: list[Step] = [*draw.choices(failures, k=draw.choice([0, 0, 1, 2]))]
        return [*steps, draw.choice([*DeliverOutcome.__members__.values()][:3])]

    async def run(self, world: World) -> Handle:
        handle = await world.start(self.case, skip=True)
        for move in self.moves:
            await asyncio.sleep(self.random.choice([0, 0, 0.02, 0.2]))
            try:
                await self._move(world, handle, move)
            except RPCError:
                break  # it has ended
        await handle.result()
        return handle

    async def _move(self, world: World, handle: Handle, move: str) -> None:
        case = self.case
        match move:
            case "update":
                self.answers.append(
                    (await handle.execute_update(NotificationWorkflow.cancel)).outcome
                )
            case "ledger_cancel":
                self.answers.append((await world.ledger.cancel(case.id)).outcome)
                await handle.signal(SignalKind.CANCEL)
            case "defer" | "hasten":
                if not any(channel for channel, _ in case.attempts):
                    later = timedelta(days=4) if move == "defer" else timedelta(0)
                    case.due = dict.fromkeys(case.due, later)
                    await handle.signal(SignalKind.AMEND)
            case "opt_out":
                case.refused.add(next(iter(case.due)))
                await handle.signal(SignalKind.PREFERENCES_CHANGED)
            case _:
                await handle.signal(move)

    def check(self) -> None:
        self.case.assert_closed()
        if CancelOutcome.CANCELLED in self.answers:
            assert self.case.sent == []


async def test_any_interleaving_keeps_the_promises(world: World) -> None:
    base = random.SystemRandom().randrange(1_000_000)

    async def play(seed: int) -> None:
        play = Play(seed)
        try:
            async with asyncio.timeout(PATIENCE):
                handle = await play.run(world)
            play.check()
            history = await handle.fetch_history()
            await Replayer(
                workflows=[NotificationWorkflow], data_converter=pydantic_data_converter
            ).replay_workflow(history)
        except BaseException as error:
            error.add_note(f"Play({seed}): {play.moves} {play.case}")
            raise

    await asyncio.gather(*(play(base + number) for number in range(RUNS)))
