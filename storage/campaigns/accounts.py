"""A campaign's accounts: every number from one query, so that they always add up."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any, Final
from uuid import UUID

from domain.campaigns.ids import LineRef
from domain.campaigns.records import (
    Campaign,
    CampaignCounts,
    Recipient,
    RecipientStatus,
    VariantCounts,
)
from domain.paging import Cursor, Page, PageRequest
from domain.ports.campaigns import RecipientRef
from storage.campaigns.lines import LINES, is_tallied, line_sql, recipient_from
from storage.campaigns.summaries import SqlCampaignSummaries
from storage.campaigns.tallies import TALLIED, SqlCampaignTallies
from storage.engine import Connection

_EPOCH: Final = datetime.fromisoformat("2000-01-01T00:00:00+00:00")
"""Recipients are paged by ordinal alone; a cursor has an instant all the same."""
_COUNTS: Final = """
    select {status} as status, {reason} as reason, r.variant, count(*) as lines,
        count(*) filter (where r.due_at > now()) as waiting,
        count(*) filter (where {outcome} = 'delivered') as delivered,
        count(*) filter (where {outcome} = 'bounced') as bounced,
        count(*) filter (where {outcome} = 'complained') as complained,
        count(r.opened_at) as opened, count(r.clicked_at) as clicked,
        count(r.unsubscribed_at) as unsubscribed,
        min({sent_at}) as first_sent_at, max({sent_at}) as last_sent_at,
        count(*) filter (where {sent_at} > now() - interval '1 minute') as sent_lately,
        max(r.due_at) filter (where r.due_at > now()) as last_due_at
    from campaign_recipients r {join} where r.campaign_id = $1 group by 1, 2, 3
"""
_LAST_CALLS: Final = """
    select bool_or(r.status = 'sent') as taken, array_agg(r.ordinal) filter
        (where r.status = 'failed' and r.reason <> 'outcome_unknown') as refused
    from (
        select id, ordinals, done_at from campaign_batches
        where campaign_id = $1 and status = 'done' and intent_at >= $2
        order by done_at desc, id desc limit 200
    ) b cross join unnest(b.ordinals) as o(ordinal)
    join campaign_recipients r on r.campaign_id = $1 and r.ordinal = o.ordinal
    group by b.id, b.done_at order by b.done_at desc, b.id desc
"""
_ENGAGED: Final = {
    "opened": "opened_at",
    "clicked": "clicked_at",
    "unsubscribed": "unsubscribed_at",
}
_REF: Final = """
    select r.campaign_id, r.ordinal, r.user_id, c.created_at
    from campaign_recipients r join campaigns c on c.id = r.campaign_id
"""
_PUT_OUTCOME: Final = """
    update campaign_recipients set outcome = $3, outcome_at = $4
    where campaign_id = $1 and ordinal = $2
"""
_RANK: Final = "array_position(array['delivered', 'failed', 'bounced', 'complained'], {}::text)"


class SqlCampaignAccounts(SqlCampaignSummaries, SqlCampaignTallies):
    """A part of `CampaignRepository`: the accounts and what is heard later."""

    _db: Connection

    async def counts(self, campaign: Campaign) -> CampaignCounts:
        if is_tallied(campaign):
            rows = await self._tallied(line_sql(TALLIED, campaign), campaign.id)
            counted = _counted(campaign, rows)
        else:
            counted = await self.count_lines(campaign)
        # Looked for afterwards: before any line is deleted, all were summed up.
        return await self._summed_up(campaign) or counted

    async def count_lines(self, campaign: Campaign) -> CampaignCounts:
        """Line by line, as they stand."""
        rows = await self._db.fetch(line_sql(_COUNTS, campaign), campaign.id, timeout=120)
        return _counted(campaign, rows)

    async def recipients(
        self,
        campaign: Campaign,
        page: PageRequest,
        *,
        status: RecipientStatus | None,
        reason: str | None,
    ) -> Page[Recipient]:
        arguments: list[Any] = [campaign.id, page.limit + 1]
        wanted = ["r.campaign_id = $1"]
        for condition, value in (
            ("{status} = ${n}", status),
            ("{reason} = ${n}", reason),
            ("r.ordinal > ${n}", int(page.cursor.id) if page.cursor else None),
        ):
            if value is not None:
                arguments.append(value)
                wanted.append(condition.replace("{n}", str(len(arguments))))
        statement = f"{LINES} where {' and '.join(wanted)} order by r.ordinal limit $2"
        rows = await self._db.fetch(line_sql(statement, campaign), *arguments)
        found = tuple(recipient_from(campaign, row) for row in rows[: page.limit])
        more = len(rows) > page.limit
        return Page(found, Cursor(_EPOCH, str(found[-1].ordinal)) if more else None)

    async def refused_in_a_row(self, campaign_id: UUID, since: datetime) -> int:
        rows = await self._db.fetch(_LAST_CALLS, campaign_id, since)
        last = takewhile(lambda row: not row["taken"], rows)
        return len({ordinal for row in last for ordinal in row["refused"] or ()})

    async def recipient_of(self, provider_message_id: str) -> RecipientRef | None:
        row = await self._db.fetchrow(
            f"{_REF} join campaign_messages m using (campaign_id, ordinal)"
            " where m.provider_message_id = $1",
            provider_message_id,
        )
        return _ref(row) if row else None

    async def recipient_at(self, line: LineRef) -> RecipientRef | None:
        row = await self._db.fetchrow(f"{_REF} where r.campaign_id = $1 and r.ordinal = $2", *line)
        return _ref(row) if row else None

    async def receive(self, line: LineRef, outcome: str, at: datetime) -> None:
        weightier = f"coalesce({_RANK.format('outcome')}, 0) < {_RANK.format('$3')}"
        await self._db.execute(f"{_PUT_OUTCOME} and {weightier}", *line, outcome, at)

    async def put_outcome(self, line: LineRef, outcome: str | None, at: datetime) -> None:
        changed = "outcome is distinct from $3"
        told_at = at if outcome else None
        await self._db.execute(f"{_PUT_OUTCOME} and {changed}", *line, outcome, told_at)

    async def engaged(self, lines: Sequence[LineRef], kinds: Sequence[str], at: datetime) -> None:
        columns = [_ENGAGED[kind] for kind in kinds]
        firsts = ", ".join(f"{column} = coalesce(r.{column}, $3)" for column in columns)
        unknown = " or ".join(f"r.{column} is null" for column in columns)
        await self._db.execute(
            f"update campaign_recipients r set {firsts}"
            " from unnest($1::uuid[], $2::int[]) as l(campaign_id, ordinal)"
            " where r.campaign_id = l.campaign_id and r.ordinal = l.ordinal"
            f" and ({unknown})",
            [line.campaign_id for line in lines],
            [line.ordinal for line in lines],
            at,
        )


_TOTALS: Final = (
    "delivered",
    "bounced",
    "complained",
    "opened",
    "clicked",
    "unsubscribed",
    "sent_lately",
)


def _counted(campaign: Campaign, rows: list[Any]) -> CampaignCounts:
    lines: Counter[str] = Counter()
    reasons: dict[str, Counter[str]] = {"skipped": Counter(), "failed": Counter()}
    totals: Counter[str] = Counter()
    for row in rows:
        lines[row["status"]] += row["lines"]
        if row["lines"] and row["status"] in reasons:
            reasons[row["status"]][row["reason"] or "unknown"] += row["lines"]
        if row["status"] == RecipientStatus.PENDING:
            totals["deferred"] += row["waiting"]
        for name in _TOTALS:
            totals[name] += row[name]
    sent = [(row["first_sent_at"], row["last_sent_at"]) for row in rows if row["last_sent_at"]]
    waits = [
        row["last_due_at"]
        for row in rows
        if row["status"] == RecipientStatus.PENDING and row["last_due_at"]
    ]
    return CampaignCounts(
        recipients=sum(lines.values()),
        sent=lines["sent"],
        skipped=dict(reasons["skipped"]),
        failed=lines["failed"],
        failures=dict(reasons["failed"]),
        pending=lines["pending"],
        first_sent_at=min((first for first, _ in sent), default=None),
        last_sent_at=max((last for _, last in sent), default=None),
        last_due_at=max(waits, default=None),
        variants=_variants(campaign, rows),
        **totals,
    )


def _variants(campaign: Campaign, rows: list[Any]) -> tuple[VariantCounts, ...]:
    if campaign.test is None:
        return ()
    found = []
    for place, variant in enumerate(campaign.test.variants):
        mine = [row for row in rows if row["variant"] == place]
        # Who opened what nobody knows to have been sent is no outcome of the test.
        sent = [row for row in mine if row["status"] == RecipientStatus.SENT]
        found.append(
            VariantCounts(
                name=variant.name,
                recipients=sum(row["lines"] for row in mine),
                sent=sum(row["lines"] for row in sent),
                opened=sum(row["opened"] for row in sent),
                clicked=sum(row["clicked"] for row in sent),
            )
        )
    return tuple(found)


def _ref(row: Any) -> RecipientRef:
    line = LineRef(row["campaign_id"], row["ordinal"])
    return RecipientRef(line, row["user_id"], row["created_at"])
