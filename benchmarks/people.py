"""Many users at once, for campaigns: written as the API writes them, sealed with keys of their
own, by COPY."""

import asyncio
import os
import sys
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

import asyncpg

from runtime.embedded.home import Home
from runtime.embedded.options import EmbeddedOptions
from runtime.settings import Settings
from storage.encryption import KeyRing

SLICE: Final = 5_000
ATTRIBUTES: Final = '{"role": "candidate"}'
CONSENT: Final = ("marketing", True, "benchmark", None)
_COLUMNS: Final = (
    "id", "email", "email_hash", "email_verified", "name", "attributes", "locale", "timezone",
    "country", "created_at", "updated_at",
)  # fmt: skip


async def add_people(
    database_url: str, keys: KeyRing, count: int, prefix: str, zones: tuple[str, ...] = ("UTC",)
) -> None:
    """`{prefix}-{n}` with an email address and marketing consent; those there are left alone."""
    connection = await asyncpg.connect(database_url)
    try:
        known = await connection.fetchval(
            "select count(*) from users where id like $1", f"{prefix}-%"
        )
        numbers = iter(range(known, count))
        while part := list(islice(numbers, SLICE)):
            await _add(connection, keys, prefix, part, zones)
        for table in ("users", "user_keys", "consents"):
            await connection.execute(f"analyze {table}")
    finally:
        await connection.close()


async def _add(
    connection: Any, keys: KeyRing, prefix: str, numbers: list[int], zones: tuple[str, ...]
) -> None:
    now = datetime.now(UTC)
    users, wrapped, consents = [], [], []
    for number in numbers:
        user_id = f"{prefix}-{number:07}"
        email = f"{user_id}@example.com"
        key, master = keys.new_key(user_id)
        row = {"wrapped_key": key, "master_key_id": master}
        sealer = keys.of(user_id, row)
        assert sealer is not None
        users.append(
            (
                user_id, sealer.seal("email", email), keys.lookup("email", email), True,
                sealer.seal("name", f"Person {number}"), ATTRIBUTES, "en",
                zones[number % len(zones)], "DE", now, now,
            )
        )  # fmt: skip
        wrapped.append((user_id, key, master, now))
        consents.append((user_id, *CONSENT, now))
    async with connection.transaction():
        await connection.copy_records_to_table("users", records=users, columns=_COLUMNS)
        await connection.copy_records_to_table(
            "user_keys",
            records=wrapped,
            columns=("user_id", "wrapped_key", "master_key_id", "created_at"),
        )
        await connection.copy_records_to_table(
            "consents",
            records=consents,
            columns=("user_id", "type", "granted", "source", "text", "at"),
        )


def ring_of(home: Home) -> KeyRing:
    """The keys of a running Herald."""
    secrets = home.secrets(os.environ)
    settings = Settings(**{name: secrets[name] for name in ("HERALD_MASTER_KEY",)})
    return KeyRing(settings.master_key_ring())


def main() -> None:
    """`python -m benchmarks.people COUNT PREFIX` fills the Herald that is up."""
    home = Home(EmbeddedOptions.from_environment(os.environ).home)
    state = home.read_state()
    asyncio.run(add_people(state["database"], ring_of(home), int(sys.argv[1]), sys.argv[2]))


if __name__ == "__main__":
    main()
