"""Every path of a notification's life, each driven and checked on a real server.

The tests run them; `python -m tests.replay.record` keeps their histories.
"""

from tests.workflows.scenarios import (
    bulk,
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
    "bulk",
    "cancelling",
    "changes",
    "escalation",
    "fallback",
    "pauses",
    "sending",
    "troubles",
]
