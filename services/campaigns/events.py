"""What the event log is told of a campaign."""

from datetime import datetime
from typing import Final

from domain.campaigns.records import Campaign
from domain.enums import EventType
from domain.records.events import Event

NO_USER: Final = ""


def campaign_event(kind: EventType, campaign: Campaign, at: datetime) -> Event:
    detail = {"campaignId": str(campaign.id), "name": campaign.name, "status": campaign.status}
    return Event(kind, NO_USER, at, detail=detail)
