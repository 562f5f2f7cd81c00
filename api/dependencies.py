"""What routers ask for: the services, the caller, a page."""

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request
from starlette.requests import HTTPConnection

from domain.errors import FieldError, Invalid
from domain.paging import Cursor, PageRequest
from runtime.container import Container
from services.access import Principal


def services_of(connection: HTTPConnection) -> Container:
    services: Container = connection.app.state.services
    return services


def _services(request: Request) -> Container:
    return services_of(request)


def _caller(request: Request) -> Principal:
    principal: Principal = request.state.principal
    return principal


def _pager(check: Callable[[str], Any]) -> Callable[..., PageRequest]:
    def page(
        limit: Annotated[int, Query(ge=1, le=200, description="Rows a page may hold.")] = 50,
        cursor: Annotated[
            str | None, Query(max_length=500, description="`nextCursor` of the page before.")
        ] = None,
    ) -> PageRequest:
        if cursor is None:
            return PageRequest(limit)
        decoded = Cursor.decode(cursor)
        try:
            check(decoded.id)
        except ValueError as error:
            problem = FieldError("cursor", "invalid_cursor", "A cursor of another list.")
            raise Invalid("invalid_cursor", problem.detail, errors=(problem,)) from error
        return PageRequest(limit, decoded)

    return page


Use = Annotated[Container, Depends(_services)]
Caller = Annotated[Principal, Depends(_caller)]
NamedPage = Annotated[PageRequest, Depends(_pager(str))]
UuidPage = Annotated[PageRequest, Depends(_pager(UUID))]
SeqPage = Annotated[PageRequest, Depends(_pager(int))]
