"""Bringing a database to the present schema; any number of processes may try at once."""

from pathlib import Path
from typing import Any

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

_LOCK = 7_246_001


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's configuration, without a file of its own."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


async def upgrade(database_url: str, revision: str = "head") -> None:
    """Runs every migration that is missing, one process at a time."""
    await _run(database_url, lambda config: command.upgrade(config, revision))


async def downgrade(database_url: str, revision: str) -> None:
    """Takes migrations back down to the one named; `base` takes back all."""
    await _run(database_url, lambda config: command.downgrade(config, revision))


async def run(database_url: str, action: Any) -> None:
    """Any other Alembic command on this database."""
    await _run(database_url, action)


async def _run(database_url: str, action: Any) -> None:
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: asyncpg.connect(
            database_url, server_settings={"application_name": "herald", "timezone": "UTC"}
        ),
        poolclass=NullPool,
    )
    try:
        async with engine.connect() as guard:
            await guard.execute(text("select pg_advisory_lock(:key)"), {"key": _LOCK})
            async with engine.connect() as connection:
                await connection.run_sync(lambda sync: action(alembic_config(sync)))
                await connection.commit()
            await guard.execute(text("select pg_advisory_unlock(:key)"), {"key": _LOCK})
    finally:
        await engine.dispose()
