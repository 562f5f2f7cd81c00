"""A batch's services for each test."""

import pytest

from tests.integration.bulk.core import BulkCore
from tests.integration.conftest import Core


@pytest.fixture
def bulk(core: Core) -> BulkCore:
    return BulkCore(core)
