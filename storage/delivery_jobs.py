"""Delivery jobs: all that delivering one notification on one channel reads, opened."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from domain.enums import Channel, Platform, PushVendor
from domain.ports.deliveries import DeliveryJob, Target
from domain.records.catalogue import NotificationType
from domain.records.people import User
from storage.encryption import KEY_JOIN, KeyRing, Sealer
from storage.engine import Connection
from storage.rows import (
    LINES,
    NOTIFICATION_COLUMNS,
    OF_A_PAUSED_CAMPAIGN,
    PREFERENCE_COLUMNS,
    TYPE_COLUMNS,
    lines_of,
    notification_of,
    open_content,
    preferences_of,
    qualified,
    type_of,
)
from storage.users import USER_COLUMNS, user_of

JOB = f"""
    select {qualified(NOTIFICATION_COLUMNS, "n")}, {LINES} as lines,
        n.title, n.content, n.data, n.options,
        {qualified(TYPE_COLUMNS, "t")},
        t.template_key as type_template_key, t.updated_at as type_updated_at,
        {", ".join(f"u.{name.strip()} as user_{name.strip()}" for name in USER_COLUMNS.split(","))},
        {qualified(PREFERENCE_COLUMNS, "p")}, p.timezone as preferred_timezone,
        k.wrapped_key, k.master_key_id,
        (select jsonb_object_agg(name, divert) from (select name, divert from paused_parts
            union all select 'campaign', false where {OF_A_PAUSED_CAMPAIGN}) parts) as paused,
        (select granted from consents where user_id = n.user_id and type = 'tracking') as tracking,
        (select jsonb_object_agg(s.channel || ':' || s.address_hash, s.reason) from suppressions s
          where (s.expires_at is null or s.expires_at > now())
            and ((s.channel = 'email' and s.address_hash = u.email_hash)
              or (s.channel = 'sms' and s.address_hash = u.phone_hash))) as suppressed
    from notifications n
    join users u on u.id = n.user_id
    join notification_types t on t.type = n.type
    left join user_notification_preferences p on p.user_id = n.user_id
    {KEY_JOIN} n.user_id
"""
"""Of notifications `n`; for `job_of`."""
_DEVICES = (
    "select d.user_id, d.id, d.token, d.platform, d.locale, d.provider, s.reason as suppressed"
    " from user_devices d left join suppressions s on s.channel = 'push'"
    " and s.address_hash = d.token_hash and (s.expires_at is null or s.expires_at > now())"
    " where d.user_id = any($1::text[]) order by d.id"
)

Devices = Mapping[str, Sequence[Any]]
"""By user."""


async def devices_of(db: Connection, user_ids: Collection[str]) -> Devices:
    if not user_ids:
        return {}
    devices: dict[str, list[Any]] = {}
    for row in await db.fetch(_DEVICES, list(user_ids)):
        devices.setdefault(row["user_id"], []).append(row)
    return devices


def job_of(row: Any, channel: Channel, keys: KeyRing, devices: Devices) -> DeliveryJob:
    sealer = keys.of(row["user_id"], row)
    user = user_of(row, sealer, "user_")
    return DeliveryJob(
        notification=notification_of(row),
        content=open_content(sealer, row),
        type=_type(row),
        user=user,
        preferences=preferences_of(row["user_id"], row, row["preferred_timezone"]),
        deliveries=tuple(line for line in lines_of(row["lines"]) if line.channel is channel),
        targets=_targets(channel, row, user, sealer, devices),
        tracking_consent=row["tracking"],
        paused=row["paused"] or {},
    )


def _targets(
    channel: Channel, row: Any, user: User, sealer: Sealer | None, devices: Devices
) -> tuple[Target, ...]:
    suppressed: dict[str, str] = row["suppressed"] or {}
    reason = next((r for key, r in suppressed.items() if key.startswith(f"{channel}:")), None)
    match channel:
        case Channel.WEBSOCKET:
            return (Target("primary", user.id),)
        case Channel.EMAIL:
            address = user.email
        case Channel.SMS:
            address = user.phone
        case Channel.PUSH:
            return _device_targets(devices.get(user.id, ()), sealer)
    return (Target("primary", address, suppressed_reason=reason),) if address else ()


def _device_targets(rows: Sequence[Any], sealer: Sealer | None) -> tuple[Target, ...]:
    targets = []
    for row in rows:
        token = sealer.open("token", row["token"]) if sealer else None
        if token is not None:
            targets.append(
                Target(
                    str(row["id"]),
                    token,
                    Platform(row["platform"]),
                    row["locale"],
                    row["suppressed"],
                    PushVendor(row["provider"]),
                )
            )
    return tuple(targets)


def _type(row: Any) -> NotificationType:
    names = dict(row)
    names["template_key"] = row["type_template_key"]
    names["updated_at"] = row["type_updated_at"]
    return type_of(names)
