"""Names of a campaign's workflows and schedule, and of each of its messages."""

import re
from typing import Final, NamedTuple
from uuid import UUID

TEST_ORDINAL: Final = 2**31 - 1
"""Of a message that is sent as a test: no recipient has it, so that nothing is counted."""
_CARRIER: Final = re.compile(
    r"campaign/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/([0-9]{1,10})"
)


class LineRef(NamedTuple):
    """One line of a campaign's accounts: a recipient on a channel."""

    campaign_id: UUID
    ordinal: int


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


def carrier_key(campaign_id: UUID, ordinal: int) -> str:
    """The `dedupKey` of the notification that carries this message on."""
    return f"campaign/{campaign_id}/{ordinal}"


def carried_line(notification_id: UUID, dedup_key: str | None) -> LineRef | None:
    """Whose message a notification carries on; None when it is no campaign's. Any caller may give
    such a `dedupKey`, but none an id: that proves it."""
    found = _CARRIER.fullmatch(dedup_key) if dedup_key else None
    if found is None:
        return None
    line = LineRef(UUID(found[1]), int(found[2]))
    return line if recipient_id(*line) == notification_id else None
