"""A test's look at the database; safe to repeat, as a test is decided once.

Run as a local activity: one transaction.
"""

from temporalio import activity

from activities.errors import application_errors
from domain.ab.messages import ABTestLook, ABTestStep
from services.ab.service import ABTestService


class ABTestActivities:
    def __init__(self, tests: ABTestService) -> None:
        self._tests = tests

    @activity.defn(name="look_at_ab_test")
    async def look_at_ab_test(self, command: ABTestLook) -> ABTestStep:
        """Decides by the metric when that is due. Fails for good only when there is no such
        test."""
        with application_errors():
            return await self._tests.look(command)
