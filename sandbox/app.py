"""The sandbox as one ASGI application: vendor routes first, then steering and the outbox."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.config import SandboxConfig
from sandbox.faults import Faults
from sandbox.journal import Journal
from sandbox.outbox import Outbox
from sandbox.steering import BadSteering, Steering, refuse
from sandbox.store import Store
from sandbox.vendors import build_vendors


def build_app(config: SandboxConfig) -> ASGIApp:
    """A sandbox with what its data folder remembers."""
    store = Store(Journal(config.data_dir))
    faults = Faults()
    vendors = build_vendors(store, faults, config)
    steering = Steering(store, faults, vendors, config.callback_base_url)
    outbox = Outbox(store, sorted(vendors))

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        for vendor in vendors.values():
            await vendor.start()
        try:
            yield
        finally:
            for vendor in vendors.values():
                await vendor.stop()
            await steering.close()
            store.close()

    vendor_routes = [route for vendor in vendors.values() for route in vendor.all_routes()]
    app = Starlette(
        routes=[*vendor_routes, *steering.routes(), *outbox.routes()],
        exception_handlers={BadSteering: refuse},
        lifespan=lifespan,
    )
    return _NoSniff(app)


class _NoSniff:
    """No answer is ever taken for HTML by its content: JSON that holds markup stays JSON."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    (b"x-content-type-options", b"nosniff"),
                ]
            await send(message)

        await self._app(scope, receive, sent)
