"""Every path of a notification, an announcement, a campaign and a test of variants, each driven and
checked on a real server.

The tests run them; `python -m tests.replay.record` keeps their histories.
"""

from tests.workflows.scenarios import (
    ab_tests,
    announcing,
    campaigns,
    cancelling,
    changes,
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
    "campaigns",
    "cancelling",
    "changes",
    "escalation",
    "fallback",
    "pauses",
    "sending",
    "troubles",
]
