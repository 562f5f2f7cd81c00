"""What a flush on request answers."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Path
from pydantic import Field

from domain.base import Wire
from domain.commands import Key
from services.digests.service import Flushed

DigestKeyPath = Annotated[
    Key, Path(alias="key", description="The caller's `digestKey`, or the category.")
]


class FlushOut(Wire):
    outcome: Literal["flushed", "nothing_waiting"]
    digest_id: UUID | None = Field(description="The digest's notification.")
    items: int = Field(description="How many notifications are in it.")
    waiting: int = Field(description="How many still wait, as one digest holds no more.")


def flush_out(done: Flushed) -> FlushOut:
    return FlushOut(
        outcome="nothing_waiting" if done.digest_id is None else "flushed",
        digest_id=done.digest_id,
        items=done.items,
        waiting=done.waiting,
    )
