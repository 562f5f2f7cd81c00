"""Every path of a notification, a campaign, a digest, an A/B test and an announcement, each driven
and checked on a real server.

The tests run them; `python -m tests.replay.record` keeps their histories.
"""

from tests.workflows.scenarios import (
    ab_tests,
    announcing,
    bulk,
    campaign_ends,
    campaign_partitions,
    campaigns,
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
    "bulk",
    "campaign_ends",
    "campaign_partitions",
    "campaigns",
    "cancelling",
    "changes",
    "digests",
    "escalation",
    "fallback",
    "pauses",
    "sending",
    "troubles",
]
