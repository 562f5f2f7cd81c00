"""Names of a campaign's workflows and schedule."""

from typing import Final
from uuid import UUID, uuid5

TEST_ORDINAL: Final = 2**31 - 1
"""Of a message that is sent as a test: no recipient has it, so that nothing is counted."""


def campaign_workflow_id(campaign_id: UUID) -> str:
    return f"campaign/{campaign_id}"


def partition_workflow_id(campaign_id: UUID, low: int) -> str:
    return f"campaign/{campaign_id}/{low}"


def campaign_schedule_id(campaign_id: UUID) -> str:
    return f"campaign-schedule/{campaign_id}"


def recipient_id(campaign_id: UUID, ordinal: int) -> UUID:
    """Names one message of a campaign, the same on every attempt."""
    return uuid5(campaign_id, str(ordinal))
