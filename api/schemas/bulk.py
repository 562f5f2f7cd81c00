"""Shapes of what is done to many notifications at once."""

from uuid import UUID

from pydantic import Field, JsonValue

from api.schemas.common import Ids
from domain.base import UserId, Wire


class BulkIn(Wire):
    """Up to 10,000 notifications, each with the shape of `POST /api/notifications`. Each is
    accepted or refused on its own."""

    notifications: list[dict[str, JsonValue]] = Field(min_length=1, max_length=10_000)


class BulkErrorOut(Wire):
    code: str
    detail: str
    errors: list[dict[str, str]]


class BulkResultOut(Wire):
    """Has `id` when accepted, else `error`."""

    index: int
    id: UUID | None = None
    error: BulkErrorOut | None = None


class BulkOut(Wire):
    accepted: int
    rejected: int
    results: list[BulkResultOut]


class IdsIn(Wire):
    ids: Ids
    user_id: UserId | None = Field(
        default=None, description="When all are this user's, which saves looking them up."
    )


class DeleteIn(Wire):
    ids: Ids


class UpdatedOut(Wire):
    updated: int


class DeletedOut(Wire):
    deleted: int
