"""The lines of a campaign's accounts as they stand: those whose message a notification carries on
stand where that stands."""

from typing import Any, Final

from domain.campaigns.records import Campaign, CampaignStatus, Recipient, RecipientStatus
from domain.enums import Channel

_NOTIFIED: Final = "left join notifications n on n.id = r.notification_id"
_STATUS: Final = """
    case when r.notification_id is null then {line}
        when n.status in ('sent', 'delivered', 'digested') then 'sent'
        when n.status in ('skipped', 'cancelled', 'expired') then 'skipped'
        when n.status = 'failed' then 'failed' else 'pending' end
"""
_REASON: Final = """
    case when r.notification_id is null then {why}
        when n.status in ('cancelled', 'expired') then n.status else n.reason end
"""
_CANCELLED_STATUS: Final = "case r.status when 'pending' then 'skipped' else r.status end"
_CANCELLED_REASON: Final = "case r.status when 'pending' then 'cancelled' else r.reason end"
"""What is pending of a cancelled campaign never leaves, whether or not somebody has closed it."""
_OUTCOME: Final = "case when n.status = 'delivered' then 'delivered' else r.outcome end"
_SENT_AT: Final = """
    case when r.notification_id is null then r.sent_at
        when n.status in ('sent', 'delivered', 'digested') then n.first_intent_at end
"""
LINES: Final = """
    select r.*, {status} as standing, {reason} as why, {outcome} as later, {sent_at} as left_at
    from campaign_recipients r {join}
"""


def is_tallied(campaign: Campaign) -> bool:
    """None of its messages is carried on by a notification."""
    return campaign.channels == (Channel.EMAIL,)


def line_sql(statement: str, campaign: Campaign) -> str:
    """Notifications are asked only where a recipient may have one of its own."""
    line, why = "r.status", "r.reason"
    if campaign.status is CampaignStatus.CANCELLED:
        line, why = _CANCELLED_STATUS, _CANCELLED_REASON
    if is_tallied(campaign):
        parts = {
            "status": line, "reason": why, "outcome": "r.outcome", "join": "",
            "sent_at": "r.sent_at",
        }  # fmt: skip
    else:
        parts = {
            "status": _STATUS.replace("{line}", line), "reason": _REASON.replace("{why}", why),
            "outcome": _OUTCOME, "join": _NOTIFIED, "sent_at": _SENT_AT,
        }  # fmt: skip
    for name, text in parts.items():
        statement = statement.replace(f"{{{name}}}", text)
    return statement


def recipient_from(campaign: Campaign, row: Any) -> Recipient:
    variants = campaign.test.variants if campaign.test else ()
    return Recipient(
        ordinal=row["ordinal"],
        user_id=row["user_id"],
        channel=Channel(row["channel"]),
        status=RecipientStatus(row["standing"]),
        reason=row["why"],
        variant=variants[row["variant"]].name if row["variant"] is not None else None,
        due_at=row["due_at"],
        provider=row["provider"],
        provider_message_id=row["provider_message_id"],
        sent_at=row["left_at"],
        outcome=row["later"],
        opened_at=row["opened_at"],
        clicked_at=row["clicked_at"],
        unsubscribed_at=row["unsubscribed_at"],
    )
