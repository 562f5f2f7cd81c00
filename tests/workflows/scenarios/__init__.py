"""Every path of a notification and of an announcement, each driven and checked on a real server.

The tests run them; `python -m tests.replay.record` keeps their histories.
"""

from tests.workflows.scenarios import (
    ab_tests,
    announcing,
    cancelling,
    changes,
    digests,
    escalation,
    fallback,
    pauses,
    sending,
    troubles,
)
from tests.workflows.scenarios.base import SCENARIOS

__all__ = [
    "SCENARIOS",
    "ab_tests",
    "announcing",
    "cancelling",
    "changes",
    "digests",
    "escalation",
    "fallback",
    "pauses",
    "sending",
    "troubles",
]
