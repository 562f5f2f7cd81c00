"""Every path of a notification's life and of a campaign's, each driven and checked on a real
server.

The tests run them; `python -m tests.replay.record` keeps their histories.
"""

from tests.workflows.scenarios import (
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
    "campaigns",
    "cancelling",
    "changes",
    "escalation",
    "fallback",
    "pauses",
    "sending",
    "troubles",
]
