"""The links that stand in a campaign's messages."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from domain.enums import Channel


class CampaignLinks(Protocol):
    def preferences(self, user_id: str) -> str: ...

    def campaign_unsubscribe(
        self, user_id: str, type_name: str, campaign_id: UUID, ordinal: int
    ) -> str: ...

    def campaign_recipient(self, campaign_id: UUID, ordinal: int) -> str: ...

    def campaign_opened(self, recipient: str) -> str: ...

    def campaign_clicked(self, recipient: str, campaign_id: UUID, url: str) -> str: ...

    def is_own(self, url: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class RecipientLinks:
    """The tracking links of one recipient, as `tracked_message` asks for them."""

    links: CampaignLinks
    campaign_id: UUID
    recipient: str
    """As `CampaignLinks.campaign_recipient` says it."""

    def opened(self, _notification_id: UUID, _channel: Channel) -> str:
        return self.links.campaign_opened(self.recipient)

    def clicked(self, _notification_id: UUID, _channel: Channel, url: str) -> str:
        return self.links.campaign_clicked(self.recipient, self.campaign_id, url)

    def is_own(self, url: str) -> bool:
        return self.links.is_own(url)
