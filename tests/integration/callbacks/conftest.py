"""The services around callbacks for each test, with a vendor of its own."""

from uuid import uuid4

import pytest

from storage.uow import SqlUnitOfWork
from tests.integration.callbacks.bench import Bench


@pytest.fixture
def bench(uow: SqlUnitOfWork) -> Bench:
    return Bench(uow, f"vendor{uuid4().hex[:8]}")
