"""What routers ask for: the services, the caller, a page.

All are coroutines, as the framework calls plain functions in a thread.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from api.schemas.common import CursorText, Limit, page_request
from domain.interleave import parse_place
from domain.paging import PageRequest
from runtime.container import Container
from services.access.callers import Principal


def services_of(connection: HTTPConnection) -> Container:
    services: Container = connection.app.state.services
    return services


async def _services(request: Request) -> Container:
    return services_of(request)


async def _caller(request: Request) -> Principal:
    principal: Principal = request.state.principal
    return principal


def _pager(check: Callable[[str], object]) -> Callable[..., Awaitable[PageRequest]]:
    async def page(limit: Limit = 50, cursor: CursorText = None) -> PageRequest:
        return page_request(limit, cursor, check)

    return page


Use = Annotated[Container, Depends(_services)]
"""Every service by its name: `use.accept.accept(body)`."""
Caller = Annotated[Principal, Depends(_caller)]
NamedPage = Annotated[PageRequest, Depends(_pager(str))]
UuidPage = Annotated[PageRequest, Depends(_pager(UUID))]
SeqPage = Annotated[PageRequest, Depends(_pager(int))]
PlacePage = Annotated[PageRequest, Depends(_pager(parse_place))]
