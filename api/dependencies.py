"""What routers ask for: the services, the caller, a page."""

from collections.abc import Callable
from typing import Annotated, Any, Protocol
from uuid import UUID

from fastapi import Depends, Query, Request
from starlette.requests import HTTPConnection

from domain.errors import FieldError, Invalid
from domain.paging import Cursor, PageRequest
from domain.ports.quotas import Quotas
from runtime.settings import Settings
from services.accept import AcceptService
from services.access import AccessService, Principal
from services.amend import AmendService
from services.api_keys import ApiKeyService
from services.audit import AuditService
from services.cancel import CancelService
from services.consents import ConsentService
from services.dead_letters import DeadLetterService
from services.devices import DeviceService
from services.explain import ExplainService
from services.health import HealthService
from services.idempotency import IdempotencyService
from services.inbox import InboxService
from services.notifications import NotificationService
from services.preferences import PreferenceService
from services.receipts import ReceiptService
from services.subscriptions import SubscriptionService
from services.suppressions import SuppressionService
from services.templates import TemplateService
from services.tokens import TokenService
from services.types import TypeService
from services.users import UserService
from storage.inbox_bus import InboxBus


class Services(Protocol):
    """What the API uses of the container."""

    settings: Settings
    quotas: Quotas
    inbox_bus: InboxBus
    accept: AcceptService
    access: AccessService
    amend: AmendService
    api_keys: ApiKeyService
    audit: AuditService
    cancel: CancelService
    consents: ConsentService
    dead_letters: DeadLetterService
    devices: DeviceService
    explain: ExplainService
    health: HealthService
    idempotency: IdempotencyService
    inbox: InboxService
    notifications: NotificationService
    preferences: PreferenceService
    receipts: ReceiptService
    subscriptions: SubscriptionService
    suppressions: SuppressionService
    templates: TemplateService
    tokens: TokenService
    types: TypeService
    users: UserService


def services_of(connection: HTTPConnection) -> Services:
    services: Services = connection.app.state.services
    return services


def _services(request: Request) -> Services:
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


Use = Annotated[Services, Depends(_services)]
Caller = Annotated[Principal, Depends(_caller)]
NamedPage = Annotated[PageRequest, Depends(_pager(str))]
UuidPage = Annotated[PageRequest, Depends(_pager(UUID))]
SeqPage = Annotated[PageRequest, Depends(_pager(int))]
