"""Shapes every area shares."""

from collections.abc import Callable
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from fastapi import Path, Query
from pydantic import AfterValidator, Field

from domain.base import TemplateKey, TypeName, UserId, Wire
from domain.errors import FieldError, Invalid
from domain.paging import Cursor, PageRequest

T = TypeVar("T")


class Listed(Wire, Generic[T]):
    """A page of a list; `nextCursor` is null on the last one."""

    data: list[T]
    next_cursor: str | None = None


def page_request(limit: int, cursor: str | None, check: Callable[[str], object]) -> PageRequest:
    """`check` raises `ValueError` for an id this list cannot have. Raises `Invalid`."""
    if cursor is None:
        return PageRequest(limit)
    decoded = Cursor.decode(cursor)
    try:
        check(decoded.id)
    except ValueError as error:
        problem = FieldError("cursor", "invalid_cursor", "A cursor of another list.")
        raise Invalid("invalid_cursor", problem.detail, errors=(problem,)) from error
    return PageRequest(limit, decoded)


Limit = Annotated[int, Query(ge=1, le=200, description="Rows a page may hold.")]
CursorText = Annotated[
    str | None, Query(max_length=500, description="`nextCursor` of the page before.")
]


class Paged(Wire):
    """The query of a list with filters, whose ids are UUIDs."""

    limit: Annotated[int, Field(ge=1, le=200, description="Rows a page may hold.")] = 50
    cursor: Annotated[
        str | None, Field(max_length=500, description="`nextCursor` of the page before.")
    ] = None

    def page(self) -> PageRequest:
        return page_request(self.limit, self.cursor, UUID)

    def filters(self) -> dict[str, Any]:
        """All but the page."""
        return {name: value for name, value in self if name not in Paged.model_fields}


def cursor_text(cursor: Cursor | None) -> str | None:
    return cursor.encode() if cursor else None


def _language_tag(text: str) -> str:
    return text.replace("_", "-")


Locale = Annotated[
    str,
    Field(max_length=35, pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$"),
    AfterValidator(_language_tag),
]
"""A BCP 47 tag such as `de` or `pt-BR`."""
UserPath = Annotated[UserId, Path()]
TypePath = Annotated[TypeName, Path(alias="type")]
KeyPath = Annotated[TemplateKey, Path()]
IdPath = Annotated[UUID, Path(alias="id")]
Ids = Annotated[list[UUID], Field(min_length=1, max_length=1000)]
