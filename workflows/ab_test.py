"""The durable wait of an A/B test: until its metric decides, or a hand does.

The database decides and is asked at every turn, so whatever it is told twice, or not at all, it
ends as its test did.
"""

from uuid import UUID

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.ab_tests import ABTestActivities
    from domain.ab.messages import ABTestEnding, ABTestInput, ABTestLook, ABTestStep
    from workflows import options


@workflow.defn(name="ABTestWorkflow")
class ABTestWorkflow:
    @workflow.init
    def __init__(self, _: ABTestInput) -> None:
        self._woken = False
        self._step: ABTestStep | None = None

    @workflow.run
    async def run(self, command: ABTestInput) -> ABTestEnding:
        """Ends when the test is decided or stopped."""
        while True:
            step = await self._look(command.test_id)
            if step.ended:
                return ABTestEnding(status=step.status, winner=step.winner)
            await self._rest(step)

    @workflow.signal(name="changed")
    def on_changed(self) -> None:
        """It was decided or stopped by hand: look again."""
        self._woken = True

    @workflow.query(name="state")
    def state(self) -> ABTestStep | None:
        """Where it stood at the last look."""
        return self._step

    async def _look(self, test_id: UUID) -> ABTestStep:
        self._woken = False
        self._step = await workflow.execute_local_activity_method(
            ABTestActivities.look_at_ab_test,
            ABTestLook(test_id=test_id, now=workflow.now()),
            summary="Look",
            **options.STEP,
        )
        until = self._step.decide_at or "by hand"
        workflow.set_current_details(f"{self._step.status}; decides: {until}")
        return self._step

    async def _rest(self, step: ABTestStep) -> None:
        """One timer, or none where only a hand decides."""
        if step.decide_at is None:
            await workflow.wait_condition(self._is_woken)
            return
        rest = max(step.decide_at - workflow.now(), options.LEAST_WAIT) + options.LEAST_WAIT
        try:
            await workflow.wait_condition(
                self._is_woken, timeout=rest, timeout_summary="Until the metric decides"
            )
        except TimeoutError:
            return

    def _is_woken(self) -> bool:
        return self._woken
