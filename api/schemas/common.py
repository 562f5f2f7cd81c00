"""Shapes every area shares."""

from typing import Annotated, Generic, TypeVar
from uuid import UUID

from fastapi import Path
from pydantic import AfterValidator, Field

from domain.base import TemplateKey, TypeName, UserId, Wire
from domain.paging import Cursor

T = TypeVar("T")


class Listed(Wire, Generic[T]):
    """A page of a list; `nextCursor` is null on the last one."""

    data: list[T]
    next_cursor: str | None = None


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
