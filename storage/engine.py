"""The connection pool. Statements go to asyncpg as they are: it prepares and remembers them."""

from typing import Any

import asyncpg
import orjson

Connection = Any
Pool = Any


async def open_pool(database_url: str, size: int = 20) -> Pool:
    """A pool that connects when asked, so that a process may start before its database."""
    return await asyncpg.create_pool(
        database_url,
        min_size=0,
        max_size=size,
        max_inactive_connection_lifetime=60,
        command_timeout=30,
        timeout=5,
        init=_prepare,
        reset=_keep,
        server_settings={"application_name": "herald", "timezone": "UTC", "jit": "off"},
    )


async def _keep(_connection: Connection) -> None:
    """Instead of `RESET ALL` and its kin, a round trip after every transaction: nothing here
    changes a session, all locks and settings end with their transaction."""


_JSONB_VERSION = b"\x01"


def _dump(value: Any) -> bytes:
    return _JSONB_VERSION + orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)


def _load(value: bytes) -> Any:
    return orjson.loads(value[1:])


async def _prepare(connection: Connection) -> None:
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=_dump,
        decoder=_load,
        format="binary",  # COPY takes no other
    )
