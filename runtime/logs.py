"""Structured logs on standard error: one JSON object a line, ids but never addresses or words."""

import logging
import sys

import structlog


def set_up_logging(level: int = logging.INFO) -> None:
    """For every process of Herald. `extra` fields of standard logging appear as they are."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for chatty in ("httpx", "httpcore", "twilio", "twilio.async_http_client", "uvicorn.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
