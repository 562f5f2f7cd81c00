"""The search attributes of Herald's workflows: what an operator can filter by in the Web UI.

They are stored in the clear, so none of them says who a user is.
"""

from typing import Final

from temporalio.common import SearchAttributeKey

NOTIFICATION_TYPE: Final = SearchAttributeKey.for_keyword("NotificationType")
CHANNEL: Final = SearchAttributeKey.for_keyword_list("Channel")
USER_HASH: Final = SearchAttributeKey.for_keyword("UserHash")
OUTCOME: Final = SearchAttributeKey.for_keyword("Outcome")
"""Set at the end, and only when it is not the ordinary one: every upsert costs an event."""
