"""Devices that take push messages: found by a token's hash, the token sealed.

A token is one device's. Who gives a device a token takes a lock on it first, so that an app which
registers its new token and replaces its old one at once ends with one device.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from domain.enums import Platform, PushVendor
from domain.errors import user_not_found
from domain.records.people import Device
from storage.encryption import KeyRing, Sealer
from storage.engine import Connection


class SqlDevices:
    def __init__(self, connection: Connection, keys: KeyRing) -> None:
        self._db = connection
        self._keys = keys

    async def register(self, device: Device) -> Device:
        sealer = await self._sealer(device.user_id)
        await self._claim(device.token)
        row = await self._db.fetchrow(
            "insert into user_devices (id, user_id, token, token_hash, platform, provider,"
            " app_version, locale, created_at, last_seen_at)"
            " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
            " on conflict (token_hash) do update set user_id = excluded.user_id,"
            " token = excluded.token, platform = excluded.platform,"
            " provider = excluded.provider, app_version = excluded.app_version,"
            " locale = excluded.locale, last_seen_at = excluded.last_seen_at returning *",
            device.id,
            device.user_id,
            sealer.seal("token", device.token),
            self._keys.lookup("push", device.token),
            device.platform,
            device.provider,
            device.app_version,
            device.locale,
            device.created_at,
            device.last_seen_at,
        )
        return _device(row, sealer)

    async def list(self, user_id: str) -> tuple[Device, ...]:
        sealer = await self._sealer(user_id)
        rows = await self._db.fetch(
            "select * from user_devices where user_id = $1 order by id", user_id
        )
        return tuple(_device(row, sealer) for row in rows)

    async def replace_token(self, user_id: str, old: str, device: Device) -> Device | None:
        await self._claim(old, device.token)
        there = await self._db.fetchrow(
            "select id, created_at from user_devices where user_id = $1 and token_hash = $2"
            " for update",
            user_id,
            self._keys.lookup("push", old),
        )
        if there is None:
            return None
        sealer = await self._sealer(user_id)
        new_hash = self._keys.lookup("push", device.token)
        await self._db.execute(
            "delete from user_devices where token_hash = $1 and id <> $2", new_hash, there["id"]
        )
        row = await self._db.fetchrow(
            "update user_devices set token = $2, token_hash = $3, platform = $4, provider = $5,"
            " app_version = $6, locale = $7, last_seen_at = $8 where id = $1 returning *",
            there["id"],
            sealer.seal("token", device.token),
            new_hash,
            device.platform,
            device.provider,
            device.app_version,
            device.locale,
            device.last_seen_at,
        )
        return _device(row, sealer)

    async def remove(self, user_id: str, token: str) -> bool:
        done = await self._db.fetchval(
            "delete from user_devices where user_id = $1 and token_hash = $2 returning 1",
            user_id,
            self._keys.lookup("push", token),
        )
        return bool(done)

    async def remove_by_id(self, device_id: UUID, seen_before: datetime | None = None) -> bool:
        done = await self._db.fetchval(
            "delete from user_devices where id = $1"
            " and ($2::timestamptz is null or last_seen_at < $2) returning 1",
            device_id,
            seen_before,
        )
        return bool(done)

    async def remove_stale(self, before: datetime, limit: int) -> int:
        # What another transaction holds is being seen just now.
        rows = await self._db.fetch(
            "delete from user_devices where id in (select id from user_devices"
            " where last_seen_at < $1 order by last_seen_at limit $2 for update skip locked)"
            " returning 1",
            before,
            limit,
        )
        return len(rows)

    async def _claim(self, *tokens: str) -> None:
        """Until the transaction ends, nobody else gives a device one of these tokens."""
        for name in sorted({self._keys.lookup("push", token) for token in tokens}):
            await self._db.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", name)

    async def _sealer(self, user_id: str) -> Sealer:
        sealer = await self._keys.sealer(self._db, user_id)
        if sealer is None:
            raise user_not_found(user_id)
        return sealer


def _device(row: Any, sealer: Sealer) -> Device:
    return Device(
        id=row["id"],
        user_id=row["user_id"],
        token=sealer.open("token", row["token"]) or "",
        platform=Platform(row["platform"]),
        provider=PushVendor(row["provider"]),
        created_at=row["created_at"],
        last_seen_at=row["last_seen_at"],
        app_version=row["app_version"],
        locale=row["locale"],
    )
