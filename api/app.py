"""The API: every router, the middleware, and the life of its container."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from fastapi import FastAPI

from api.documents import install_document
from api.errors import install_error_handlers
from api.live.hub import LiveHub
from api.middleware import BodyLimit, Metrics
from api.pages import dashboard
from api.pages import preferences as preference_page
from api.routers import (
    ab_tests,
    announcements,
    api_keys,
    audiences,
    bulk,
    callbacks,
    campaigns,
    devices,
    inbox,
    notifications,
    operations,
    preferences,
    providers,
    reports,
    sms,
    subscriptions,
    system,
    templates,
    tracking,
    types,
    unsubscribe,
    users,
    webhooks,
    websocket,
)
from runtime.container import Container

ContainerFactory = Callable[[], AbstractAsyncContextManager[Container]]
VERSION: Final = "0.1.0"
_DESCRIPTION: Final = (
    "Herald decides, waits, renders, sends, retries, tracks and explains every email, SMS, push "
    "and in-app message.\n\n"
    "Call it with `Authorization: Bearer <API key>`. JSON is camelCase; snake_case is taken too, "
    "and fields that are not known are refused. Refusals are `application/problem+json` with a "
    "stable `code`. Lists take `limit` and `cursor`. Every POST honours `Idempotency-Key`."
)
_ROUTERS: Final = (
    bulk.router,  # before the routes with an id in the same place
    notifications.router,
    inbox.router,
    inbox.broadcasts,
    announcements.router,
    users.router,
    devices.router,
    preferences.router,
    subscriptions.router,
    types.router,
    templates.router,
    campaigns.router,
    ab_tests.router,
    operations.letters,
    operations.suppressions,
    operations.audit,
    providers.router,
    providers.channels,
    api_keys.router,
    audiences.router,
    audiences.lists,
    webhooks.router,
    callbacks.router,
    unsubscribe.router,
    tracking.router,
    sms.router,
    reports.router,
    system.router,
    websocket.router,
    dashboard.router,
    preference_page.router,
)


def create_app(container_factory: ContainerFactory) -> FastAPI:
    """The application. Its lifespan opens the container and closes it again."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with container_factory() as services:
            app.state.services = services
            hub = LiveHub(services.inbox_bus, services.inbox, services.announcement_inbox)
            async with hub as app.state.live:
                yield

    app = FastAPI(
        title="Herald",
        version=VERSION,
        description=_DESCRIPTION,
        lifespan=lifespan,
        redoc_url=None,
        redirect_slashes=False,
    )
    for router in _ROUTERS:
        app.include_router(router)
    install_error_handlers(app)
    install_document(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(Metrics)
    return app
