"""A provider's receipt on the ledger: forward only, whatever order receipts come in."""

from datetime import datetime

from domain.enums import DeliveryStatus
from domain.ports.deliveries import Received
from domain.receipts import advances
from storage.engine import Connection
from storage.rows import DELIVERY_COLUMNS, delivery_of

_RECEIVE = f"""
    update notification_deliveries
    set status = $2::text, updated_at = now(),
        sent_at = case when $2::text in ('sent', 'delivered') then coalesce(sent_at, $3)
            else sent_at end,
        delivered_at = case when $2::text = 'delivered' then least(delivered_at, $3)
            else delivered_at end,
        error_code = $4, error_message = $5
    where id = any($1::uuid[])
    returning {DELIVERY_COLUMNS}
"""
_ARRIVED = f"""
    update notification_deliveries set delivered_at = $2, updated_at = now()
    where id = any($1::uuid[]) and status in ('delivered', 'bounced', 'complained')
        and (delivered_at is null or delivered_at > $2)
    returning {DELIVERY_COLUMNS}
"""
"""The first arrival told of counts, also when it is told after what came later."""


async def receive(
    db: Connection,
    provider: str,
    provider_message_id: str,
    status: DeliveryStatus,
    at: datetime,
    code: str | None,
    message: str | None,
) -> tuple[Received, ...]:
    """See `DeliveryRepository.receive`."""
    # A line that is being sent again still has the message id of the time before.
    rows = await db.fetch(
        f"select {DELIVERY_COLUMNS} from notification_deliveries where provider_id = $1"
        " and provider_message_id = $2 and status <> 'sending' order by id for update",
        provider,
        provider_message_id,
    )
    forward = [row["id"] for row in rows if advances(DeliveryStatus(row["status"]), status)]
    updated = []
    if forward:
        updated = await db.fetch(_RECEIVE, forward, status, at, code, message)
    if status is DeliveryStatus.DELIVERED and len(forward) < len(rows):
        behind = [row["id"] for row in rows if row["id"] not in forward]
        updated += await db.fetch(_ARRIVED, behind, at)
    after = {row["id"]: row for row in updated}
    return tuple(
        Received(delivery_of(after.get(row["id"], row)), row["id"] in forward) for row in rows
    )
