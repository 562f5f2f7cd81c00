"""What campaigns ask of the running system."""

from typing import Protocol

from domain.campaigns.records import Campaign


class CampaignGateway(Protocol):
    """Temporal, as campaigns see it."""

    async def tell(self, campaign: Campaign) -> None:
        """Makes Temporal look at how the campaign stands now: starts its workflow or wakes it,
        or keeps the schedule of a recurring one. Again and again it is the same. Raises
        `Unavailable`."""


class CampaignStarter(Protocol):
    """The same in the background, so that no request waits for Temporal."""

    def tell(self, campaign: Campaign) -> None: ...
