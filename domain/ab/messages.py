"""What crosses between a test's workflow and its activity: ids and indexes, no words."""

from datetime import datetime
from uuid import UUID

from domain.ab.definition import ABTestStatus
from domain.messages import Message


class ABTestInput(Message):
    test_id: UUID


class ABTestLook(Message):
    test_id: UUID
    now: datetime
    """The workflow's own clock, so that skipped time is seen by the rule."""


class ABTestStep(Message):
    """Where the test stands after a look at the database."""

    status: ABTestStatus
    ended: bool
    decide_at: datetime | None = None
    """When the metric decides; None: a hand does."""
    winner: int | None = None
    """The index of the variant everybody new gets."""


class ABTestEnding(Message):
    status: ABTestStatus
    winner: int | None = None
