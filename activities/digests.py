"""The steps of a digest's life, as local activities. Each may be repeated: a workflow told twice
knows no more, a digest made twice is found the second time."""

from temporalio import activity

from activities.errors import application_errors
from domain.digests.messages import FlushDigestInput, FlushDigestResult, HandOverInput
from services.digests.service import DigestService


class DigestActivities:
    def __init__(self, digests: DigestService) -> None:
        self._digests = digests

    @activity.defn(name="hand_over_to_digest")
    async def hand_over(self, command: HandOverInput) -> None:
        """The digest's workflow knows of the notification, or will not need to."""
        with application_errors():
            await self._digests.hand_over(command)

    @activity.defn(name="flush_digest")
    async def flush(self, command: FlushDigestInput) -> FlushDigestResult:
        """Makes one notification of what is due."""
        with application_errors():
            return await self._digests.flush_due(command)
