"""The namespace knows Herald's search attributes before a workflow sets one.

Setting one that it does not know fails the workflow's task again and again, so every worker makes
sure when it starts. Where it may not add them, an operator has to.
"""

import logging
from typing import TYPE_CHECKING, Final, cast

from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError

from workflows.search import CHANNEL, NOTIFICATION_TYPE, OUTCOME, USER_HASH

if TYPE_CHECKING:
    from temporalio.api.enums.v1 import IndexedValueType

KEYS: Final = (NOTIFICATION_TYPE, CHANNEL, OUTCOME, USER_HASH)

log = logging.getLogger(__name__)


async def ensure_search_attributes(client: Client) -> None:
    """Adds what is missing. The server takes a few seconds to accept what was added."""
    operator = client.operator_service
    try:
        known = await operator.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace)
        )
        missing = {
            key.name: cast("IndexedValueType.ValueType", int(key.indexed_value_type))
            for key in KEYS
            if key.name not in known.custom_attributes
        }
        if missing:
            await operator.add_search_attributes(
                AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
            )
    except RPCError as error:
        log.warning(
            "temporal.search_attributes_unsure",
            extra={"error": str(error), "needed": [key.name for key in KEYS]},
        )
