"""Notifications and deliveries as callers see them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

from pydantic import Field, JsonValue

from api.schemas.announcements import InboxAnnouncementOut
from api.schemas.common import Paged
from domain.base import Instant, TypeName, UserId, Wire
from domain.content import EmailOptions, PushOptions, SmsOptions
from domain.enums import Category, Channel, DeliveryStatus, NotificationStatus, Priority, Strategy
from domain.ids import notification_workflow_id
from domain.messages import CancelOutcome
from domain.ports.notifications import NotificationFilter
from domain.records.inbox import InboxItem
from domain.records.notifications import Delivery, Notification, NotificationView
from runtime.settings import Settings


class ErrorOut(Wire):
    code: str
    message: str | None


class DeliveryOut(Wire):
    id: UUID
    channel: Channel
    target: str = Field(description="`primary`, or a device's id; never an address.")
    status: DeliveryStatus
    reason: str | None
    until: datetime | None
    provider: str | None
    provider_message_id: str | None
    attempts: int
    sent_at: datetime | None
    delivered_at: datetime | None
    error: ErrorOut | None
    created_at: datetime
    updated_at: datetime


class LinksOut(Wire):
    self: str
    explain: str
    dashboard: str
    workflow: str | None = Field(description="The workflow in Temporal's Web UI.")


class AttachmentOut(Wire):
    """An attachment without its content and address, which are not handed out again."""

    filename: str
    content_type: str
    size: int | None = Field(description="Null for one that is fetched when it is sent.")


class EmailOut(Wire):
    subject: str | None
    sender: str | None = Field(alias="from")
    reply_to: str | None
    attachments: list[AttachmentOut]


class TemplateOut(Wire):
    key: str
    locale: str | None
    version: int | None


class NotificationOut(Wire):
    id: UUID
    user_id: str
    type: str
    category: Category
    title: str | None
    content: str | None
    data: dict[str, JsonValue]
    template: TemplateOut | None
    priority: Priority
    channels: list[Channel]
    strategy: Strategy
    status: NotificationStatus
    reason: str | None
    until: datetime | None
    escalate_after: timedelta | None
    scheduled_at: datetime | None
    expires_at: datetime | None
    dedup_key: str | None
    digest_key: str | None
    digest_id: UUID | None = Field(description="The digest in which it went out.")
    email: EmailOut | None
    sms: SmsOptions | None
    push: PushOptions | None
    created_at: datetime
    updated_at: datetime
    read_at: datetime | None
    deliveries: list[DeliveryOut]
    links: LinksOut


class InboxItemOut(NotificationOut):
    seq: int = Field(description="Grows by one with each item of the inbox.")


class CountsOut(Wire):
    total: int
    unread: int


class InboxOut(Wire):
    data: list[InboxItemOut | InboxAnnouncementOut]
    next_cursor: str | None
    counts: CountsOut


class CancelOut(Wire):
    outcome: CancelOutcome
    deliveries: list[DeliveryOut]


class DeliveriesOut(Wire):
    data: list[DeliveryOut]
    next_cursor: None = None


class NotificationQuery(Paged):
    """Filters; all that are given must hold."""

    user_id: UserId | None = None
    type: TypeName | None = None
    status: NotificationStatus | None = None
    channel: Channel | None = None
    created_after: Instant | None = None
    created_before: Instant | None = None

    def filter(self) -> NotificationFilter:
        return NotificationFilter(**self.filters())


def delivery_out(line: Delivery) -> DeliveryOut:
    return DeliveryOut(
        id=line.id,
        channel=line.channel,
        target=line.target,
        status=line.status,
        reason=line.reason,
        until=line.until,
        provider=line.provider,
        provider_message_id=line.provider_message_id,
        attempts=line.attempts,
        sent_at=line.sent_at,
        delivered_at=line.delivered_at,
        error=ErrorOut(code=line.error_code, message=line.error_message)
        if line.error_code
        else None,
        created_at=line.created_at,
        updated_at=line.updated_at,
    )


def notification_out(view: NotificationView, settings: Settings) -> NotificationOut:
    return NotificationOut(**_fields(view, settings))


def inbox_item_out(item: InboxItem, settings: Settings) -> InboxItemOut:
    return InboxItemOut(**_fields(item.view, settings), seq=item.seq)


def _fields(view: NotificationView, settings: Settings) -> Mapping[str, Any]:
    row, content = view.notification, view.content
    return {
        "id": row.id,
        "user_id": row.user_id,
        "type": row.type,
        "category": row.category,
        "title": content.title,
        "content": content.content,
        "data": content.data,
        "template": _template(row),
        "priority": row.priority,
        "channels": list(row.channels),
        "strategy": row.strategy,
        "status": row.status,
        "reason": row.reason,
        "until": row.until,
        "escalate_after": row.escalate_after,
        "scheduled_at": row.scheduled_at,
        "expires_at": row.expires_at,
        "dedup_key": row.dedup_key,
        "digest_key": row.digest_key,
        "digest_id": row.digest_id,
        "email": _email(content.email),
        "sms": content.sms,
        "push": content.push,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "read_at": row.read_at,
        "deliveries": [delivery_out(line) for line in view.deliveries],
        "links": _links(row, settings),
    }


def _template(row: Notification) -> TemplateOut | None:
    if row.template_key is None:
        return None
    return TemplateOut(
        key=row.template_key, locale=row.template_locale, version=row.template_version
    )


def _email(email: EmailOptions | None) -> EmailOut | None:
    if email is None:
        return None
    return EmailOut(
        subject=email.subject,
        sender=email.sender,
        reply_to=email.reply_to,
        attachments=[
            AttachmentOut(
                filename=item.filename,
                content_type=item.content_type,
                size=None if item.content is None else len(item.content),
            )
            for item in email.attachments
        ],
    )


def _links(row: Notification, settings: Settings) -> LinksOut:
    base = settings.public_url.rstrip("/")
    own = f"{base}/api/notifications/{row.id}"
    return LinksOut(
        self=own,
        explain=f"{own}/explain",
        dashboard=f"{base}/dashboard/notifications/{row.id}",
        workflow=_workflow_link(row, settings),
    )


def _workflow_link(row: Notification, settings: Settings) -> str | None:
    if settings.temporal_ui_url is None:
        return None
    workflow_id = quote(notification_workflow_id(row.id, row.redrives), safe="")
    ui = settings.temporal_ui_url.rstrip("/")
    return f"{ui}/namespaces/{settings.temporal_namespace}/workflows/{workflow_id}"
