"""The `migrate` command: the schema, then what a new database starts with."""

import asyncio

import typer

from runtime.adapters import open_storage
from runtime.seed import seed
from runtime.settings import Settings
from storage.migrate import upgrade


def run() -> None:
    asyncio.run(_run(Settings()))
    typer.echo("The database is at the present schema.")


async def _run(settings: Settings) -> None:
    await upgrade(settings.database_url.get_secret_value())
    async with open_storage(settings) as uow:
        await seed(uow)
