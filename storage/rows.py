"""Rows to records. Column lists stand beside the functions that read them."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from domain.content import Content, EmailOptions, PushOptions, SmsOptions
from domain.enums import (
    Category,
    Channel,
    ConsentType,
    DeliveryMode,
    DeliveryStatus,
    NotificationStatus,
    Priority,
    Strategy,
)
from domain.money import Money
from domain.preferences import Preferences
from domain.records.catalogue import NotificationType
from domain.records.notifications import Delivery, Notification
from storage.encryption import Sealer

OF_A_PAUSED_CAMPAIGN = """
    exists (select from campaigns m
        join campaign_recipients r on r.campaign_id = m.id and r.user_id = n.user_id
        where m.status = 'paused' and r.notification_id = n.id)
"""
"""Of the notification `n`. Few campaigns are paused at a time, mostly none."""
NOTIFICATION_COLUMNS = (
    "id, user_id, type, category, priority, channels, strategy, status, created_at, updated_at,"
    " content_hash, reason, until, escalate_after, scheduled_at, expires_at, dedup_key,"
    " digest_key, template_key, template_version, template_locale, send_now, revision, redrives,"
    " first_intent_at, cancel_requested_at, read_at, digest_id"
)
DELIVERY_COLUMNS = (
    "id, notification_id, channel, target, status, created_at, updated_at, reason, until,"
    " provider_id, provider_message_id, attempts, retry_count, intent_at, sent_at, delivered_at,"
    " error_code, error_message, given_up, provider_failures, segments, cost_minor,"
    " cost_currency, batch_key"
)
TYPE_COLUMNS = (
    "default_channels, default_priority, default_strategy, time_to_live, digest_rule,"
    " legally_transactional, required_consent, description, track_opens, track_clicks"
)
"""What `type_of` reads, but for names a notification has as well."""


def qualified(columns: str, alias: str) -> str:
    """`id, type` → `n.id, n.type`."""
    return ", ".join(f"{alias}.{name.strip()}" for name in columns.split(","))


def notification_of(row: Any) -> Notification:
    return Notification(
        id=row["id"],
        user_id=row["user_id"],
        type=row["type"],
        category=Category(row["category"]),
        priority=Priority(row["priority"]),
        channels=tuple(Channel(name) for name in row["channels"]),
        strategy=Strategy(row["strategy"]),
        status=NotificationStatus(row["status"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        content_hash=row["content_hash"],
        reason=row["reason"],
        until=row["until"],
        escalate_after=row["escalate_after"],
        scheduled_at=row["scheduled_at"],
        expires_at=row["expires_at"],
        dedup_key=row["dedup_key"],
        digest_key=row["digest_key"],
        template_key=row["template_key"],
        template_version=row["template_version"],
        template_locale=row["template_locale"],
        send_now=row["send_now"],
        revision=row["revision"],
        redrives=row["redrives"],
        first_intent_at=row["first_intent_at"],
        cancel_requested_at=row["cancel_requested_at"],
        read_at=row["read_at"],
        digest_id=row["digest_id"],
    )


def delivery_of(row: Any) -> Delivery:
    return Delivery(
        id=row["id"],
        notification_id=row["notification_id"],
        channel=Channel(row["channel"]),
        target=row["target"],
        status=DeliveryStatus(row["status"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        reason=row["reason"],
        until=row["until"],
        provider=row["provider_id"],
        provider_message_id=row["provider_message_id"],
        attempts=row["attempts"],
        failures=row["retry_count"],
        intent_at=row["intent_at"],
        sent_at=row["sent_at"],
        delivered_at=row["delivered_at"],
        error_code=row["error_code"],
        error_message=row["error_message"],
        given_up=tuple(row["given_up"]),
        failures_here=row["provider_failures"],
        segments=row["segments"],
        cost=_money(row["cost_minor"], row["cost_currency"]),
        batch_key=row["batch_key"],
    )


LINES = f"""
    (select jsonb_agg(to_jsonb(line) order by line.created_at, line.id)
     from (select {DELIVERY_COLUMNS} from notification_deliveries
           where notification_id = n.id) line)
"""
"""The ledger lines of notification `n` as one column, for `lines_of`."""
_ID_FIELDS = ("id", "notification_id", "batch_key")
_INSTANT_FIELDS = ("created_at", "updated_at", "until", "intent_at", "sent_at", "delivered_at")


def lines_of(lines: list[dict[str, Any]] | None) -> tuple[Delivery, ...]:
    for line in lines or ():
        for name in _ID_FIELDS:
            line[name] = UUID(line[name]) if line[name] else None
        for name in _INSTANT_FIELDS:
            line[name] = datetime.fromisoformat(line[name]) if line[name] else None
    return tuple(delivery_of(line) for line in lines or ())


def _money(minor: Decimal | float | None, currency: str | None) -> Money | None:
    return Money(Decimal(str(minor)), currency) if minor is not None and currency else None


def type_of(row: Any) -> NotificationType:
    return NotificationType(
        type=row["type"],
        category=Category(row["category"]),
        default_channels=tuple(Channel(name) for name in row["default_channels"]),
        default_priority=Priority(row["default_priority"]),
        default_strategy=Strategy(row["default_strategy"]),
        time_to_live=row["time_to_live"],
        digest_rule=DeliveryMode(row["digest_rule"]) if row["digest_rule"] else None,
        legally_transactional=row["legally_transactional"],
        required_consent=ConsentType(row["required_consent"]) if row["required_consent"] else None,
        track_opens=row["track_opens"],
        track_clicks=row["track_clicks"],
        template_key=row["template_key"],
        description=row["description"],
        updated_at=row["updated_at"],
    )


def seal_content(sealer: Sealer, content: Content) -> tuple[Any, ...]:
    """(title, content, data, options) as stored."""
    options = content.model_dump(mode="json", include={"email", "sms", "push"}, exclude_none=True)
    return (
        sealer.seal("title", content.title),
        sealer.seal("content", content.content),
        {"sealed": sealer.seal_json("data", content.data)} if content.data else None,
        sealer.seal_json("options", options) if options else None,
    )


def open_content(sealer: Sealer | None, row: Any) -> Content:
    """The content, empty when its user's key is gone."""
    if sealer is None:
        return Content()
    options = sealer.open_json("options", row["options"]) or {}
    data = row["data"]
    return Content(
        title=sealer.open("title", row["title"]),
        content=sealer.open("content", row["content"]),
        data=(sealer.open_json("data", data["sealed"]) or {}) if data else {},
        email=EmailOptions.model_validate(options["email"]) if "email" in options else None,
        sms=SmsOptions.model_validate(options["sms"]) if "sms" in options else None,
        push=PushOptions.model_validate(options["push"]) if "push" in options else None,
    )


PREFERENCE_COLUMNS = (
    "email_enabled, sms_enabled, push_enabled, websocket_enabled, frequency_settings,"
    " quiet_hours, category_preferences, language, optimize_timing, automatic_optimization"
)


def preferences_of(user_id: str, row: Any, timezone: str | None) -> Preferences:
    """A row's choices; a row whose columns are all null is the defaults."""
    if row["frequency_settings"] is None:
        return Preferences(user_id=user_id)
    return Preferences.model_validate(
        {
            "user_id": user_id,
            "language": row["language"],
            "timezone": timezone,
            "channels": {channel: {"enabled": row[f"{channel}_enabled"]} for channel in Channel},
            "quiet_hours": row["quiet_hours"],
            "frequency": row["frequency_settings"],
            "categories": row["category_preferences"],
            "optimize_timing": row["optimize_timing"],
            "automatic_optimization": row["automatic_optimization"],
        }
    )
