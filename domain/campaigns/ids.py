"""Names of a campaign's workflows and schedule."""

from typing import Final
from uuid import UUID

TEST_ORDINAL: Final = 2**31 - 1
"""Of a message that is sent as a test: no recipient has it, so that nothing is counted."""


def campaign_workflow_id(campaign_id: UUID) -> str:
    return f"campaign/{campaign_id}"


def partition_workflow_id(campaign_id: UUID, low: int) -> str:
    return f"campaign/{campaign_id}/{low}"


def campaign_schedule_id(campaign_id: UUID) -> str:
    return f"campaign-schedule/{campaign_id}"


def recipient_id(campaign_id: UUID, ordinal: int) -> UUID:
    """Names one message of a campaign, the same on every attempt: the campaign's id with the
    ordinal, from 1, in its last four bytes, which are random and so unlike any other campaign's."""
    return UUID(int=campaign_id.int ^ ordinal + 1)
