"""`herald api`: one process that answers HTTP and holds the users' live connections."""

import resource

import uvicorn

from api.app import create_app
from api.live.protocol import PING_EVERY, PONG_WITHIN, EndingProtocol
from runtime.container import Container
from runtime.logs import set_up_logging
from runtime.settings import Settings

DRAIN_SECONDS = 10


def run(port: int) -> None:
    """Serves on the settings' host until SIGTERM or SIGINT; calls under way are answered."""
    set_up_logging()
    _allow_connections()
    settings = Settings()
    uvicorn.run(
        create_app(lambda: Container.open(settings)),
        host=settings.host,
        port=port,
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
