"""`herald api`: one process that answers HTTP and holds the users' live connections."""

import gc
import resource

import uvicorn

from api.app import create_app
from api.live.protocol import PING_EVERY, PONG_WITHIN, EndingProtocol
from runtime.container import Container
from runtime.logs import set_up_logging
from runtime.settings import Settings

DRAIN_SECONDS = 10


def run(port: int | None) -> None:
    """Serves until SIGTERM or SIGINT, on the settings' port when none is given; calls under way
    are answered."""
    set_up_logging()
    _allow_connections()
    _set_aside_what_stays()
    settings = Settings()
    uvicorn.run(
        create_app(lambda: Container.open(settings)),
        host=settings.host,
        port=settings.port if port is None else port,
        loop="uvloop",
        http="httptools",
        ws=EndingProtocol,
        ws_max_size=64 * 1024,
        ws_ping_interval=PING_EVERY,
        ws_ping_timeout=PONG_WITHIN,
        ws_per_message_deflate=False,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


def _allow_connections() -> None:
    """As many as the machine permits: each open inbox is a file, and the usual limit is 1,024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _set_aside_what_stays() -> None:
    """A full pass of the garbage collector over all that was imported takes 100 ms, in which
    nobody is answered; nothing of it is garbage before the end."""
    gc.collect()
    gc.freeze()
