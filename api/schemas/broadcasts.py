"""Shapes of a broadcast: what everyone who is connected is shown once."""

from uuid import UUID

from pydantic import Field, JsonValue

from domain.base import Wire
from domain.commands import Body, Title


class BroadcastIn(Wire):
    title: Title
    content: Body
    data: dict[str, JsonValue] = Field(default_factory=dict)


class BroadcastOut(Wire):
    id: UUID = Field(description="Names the broadcast in its frame.")
