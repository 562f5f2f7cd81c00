"""The accounts as the triggers of `campaign_recipients` keep them: changes whose sum they are.

A campaign whose messages are all its own is counted here, in a millisecond or two however many
recipients it has. Where notifications carry messages on, lines stand where those stand, and are
counted one by one.
"""

from typing import Any, Final
from uuid import UUID

from storage.engine import Connection

MOST_ROWS: Final = 2_000
"""Of a campaign; when it has more, the older ones become few with the same sum."""
TALLIED: Final = """
    with r as (
        select status, reason, variant, due_at, sum(lines)::int as lines,
            sum(delivered)::int as delivered, sum(bounced)::int as bounced,
            sum(complained)::int as complained, sum(opened)::int as opened,
            sum(clicked)::int as clicked, sum(unsubscribed)::int as unsubscribed,
            min(first_sent_at) as first_sent_at, max(last_sent_at) as last_sent_at,
            coalesce(sum(lines) filter (where status = 'sent'
                and at > now() - interval '1 minute'), 0)::int as sent_lately,
            count(*)::int as pieces
        from campaign_tallies where campaign_id = $1 group by 1, 2, 3, 4
    )
    select {status} as status, {reason} as reason, r.variant, sum(r.lines)::int as lines,
        coalesce(sum(r.lines) filter (where r.due_at > now()), 0)::int as waiting,
        sum(r.delivered)::int as delivered, sum(r.bounced)::int as bounced,
        sum(r.complained)::int as complained, sum(r.opened)::int as opened,
        sum(r.clicked)::int as clicked, sum(r.unsubscribed)::int as unsubscribed,
        min(r.first_sent_at) as first_sent_at, max(r.last_sent_at) as last_sent_at,
        sum(r.sent_lately)::int as sent_lately,
        max(r.due_at) filter (where r.due_at > now() and r.lines > 0) as last_due_at,
        sum(r.pieces)::int as pieces
    from r group by 1, 2, 3
"""
_KEY: Final = "campaign_id, status, reason, variant, due_at"
_SUMMED: Final = (
    "lines",
    "delivered",
    "bounced",
    "complained",
    "opened",
    "clicked",
    "unsubscribed",
)
_FOLD: Final = f"""
    with gone as (
        delete from campaign_tallies
        where campaign_id = $1 and at < now() - interval '2 minutes' returning *
    )
    insert into campaign_tallies
        ({_KEY}, {", ".join(_SUMMED)}, first_sent_at, last_sent_at, at)
    select {_KEY}, {", ".join(f"sum({name})" for name in _SUMMED)},
        min(first_sent_at), max(last_sent_at), max(at)
    from gone group by {_KEY}
"""
"""One statement: whoever reads beside it sees all of the old rows or all of the new ones. Two at
once fold what the other has not."""


class SqlCampaignTallies:
    """A part of `CampaignRepository`: the sums of a campaign's changes."""

    _db: Connection

    async def _tallied(self, statement: str, campaign_id: UUID) -> list[Any]:
        rows: list[Any] = await self._db.fetch(statement, campaign_id)
        if sum(row["pieces"] for row in rows) > MOST_ROWS:
            await self._db.execute(_FOLD, campaign_id)
        return rows
