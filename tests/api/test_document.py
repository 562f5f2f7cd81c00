"""The OpenAPI document tells the truth: whatever is sent, no mistake of ours and no answer that is
not in the document comes back."""

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager

import httpx
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from api.app import create_app
from runtime.container import Container
from runtime.embedded.home import free_port
from runtime.embedded.stack import EmbeddedStack
from runtime.settings import Settings
from tests.api.conftest import FIRST_KEY

EXAMPLES = 12
USER = "somebody"
FIRST = {"Authorization": f"Bearer {FIRST_KEY}"}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
    ignored_auth,
]


@pytest.fixture(scope="module")
def served(stack: EmbeddedStack, database: str) -> Iterator[str]:
    """The API on a loop of its own, as the calls of these tests block theirs."""
    configured = Settings(
        DATABASE_URL=database,
        REDIS_URL=stack.redis_url,
        HERALD_API_KEY=FIRST_KEY,
        TEMPORAL_ADDRESS=stack.temporal_address,
    )
    port = free_port()
    running = uvicorn.Server(
        uvicorn.Config(
            create_app(lambda: Container.open(configured)),
            host="127.0.0.1",
            port=port,
            log_level="error",
            ws="websockets-sansio",
        )
    )
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    while not running.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.01)
    base_url = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=f"{base_url}/api", headers=FIRST) as api:
        profile = {"email": "somebody@example.com", "phone": "+4915112345678"}
        assert api.put(f"/users/{USER}", json=profile).is_success
    yield base_url
    running.should_exit = True
    thread.join(timeout=20)


def not_opened() -> AbstractAsyncContextManager[Container]:
    raise AssertionError("the document needs no container")


schema = schemathesis.openapi.from_dict(create_app(not_opened).openapi())


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_in_the_document(case: schemathesis.Case, served: str) -> None:
    # Mostly about a user who is there, so that calls reach what lies behind the first refusal.
    if case.path_parameters and len(str(case.path_parameters.get("user_id", ""))) > 2:
        case.path_parameters["user_id"] = USER
    if isinstance(case.body, dict) and isinstance(case.body.get("userId"), str):
        case.body |= {"userId": USER, "type": "job_match"}
    case.call_and_validate(base_url=served, headers=FIRST, checks=CHECKS, timeout=30)
