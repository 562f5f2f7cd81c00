"""A/B tests. Assignments and outcomes are written once and never changed; every change of a test
is a compare-and-set on its status."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.ab.decision import Decision
from domain.ab.definition import ABDesign, ABMetric, ABTestStatus
from domain.paging import Cursor, Page, PageRequest
from domain.ports.ab_tests import ABCount, ABLink, ABOutcome, ABTest, WorkflowCall
from storage.engine import Connection

_COLUMNS = (
    "id, name, type, status, variants, fraction, metric, decide_after, winner_mode, decision,"
    " started_at, decide_at, ended_at, created_at, updated_at"
)
_ASSIGN = """
    with added as (
        insert into ab_assignments (test_id, user_id, variant, assigned_at)
        select id, $2, $3, $4 from ab_tests where id = $1 and status = 'running'
        on conflict do nothing returning variant
    )
    select variant from added
    union all select variant from ab_assignments where test_id = $1 and user_id = $2
"""
_LINK = """
    with given as (
        select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::smallint[], $5::timestamptz[])
            as g(notification_id, test_id, user_id, variant, at)
    ), assigned as (
        insert into ab_assignments (test_id, user_id, variant, assigned_at)
        select distinct on (g.test_id, g.user_id) g.test_id, g.user_id, g.variant, g.at
        from given g join ab_tests t on t.id = g.test_id and t.status = 'running'
        order by g.test_id, g.user_id on conflict do nothing
    )
    insert into ab_notifications (notification_id, test_id, user_id, variant)
    select notification_id, test_id, user_id, variant from given
"""
_OUTCOME = """
    with known as (
        select variant from ab_assignments where test_id = $1 and user_id = $2
    ), added as (
        insert into ab_outcomes (test_id, user_id, metric, variant, at, value)
        select $1, $2, $3, variant, $4, $5 from known on conflict do nothing returning 1
    )
    select exists (select 1 from known) as known, exists (select 1 from added) as added
"""
_ENGAGED = """
    insert into ab_outcomes (test_id, user_id, metric, variant, at)
    select distinct on (a.test_id, a.user_id, m.metric)
        a.test_id, a.user_id, m.metric, a.variant, $3::timestamptz
    from ab_notifications n
    join ab_assignments a on a.test_id = n.test_id and a.user_id = n.user_id
        and a.variant = n.variant
    cross join unnest($2::text[]) as m(metric)
    where n.notification_id = any($1::uuid[])
    order by a.test_id, a.user_id, m.metric
    on conflict do nothing
"""
_COUNTS = """
    select variant, null as metric, count(*) as users, null::float as value
    from ab_assignments where test_id = $1 group by variant
    union all
    select variant, metric, count(*), sum(value)
    from ab_outcomes where test_id = $1 group by variant, metric
"""


class SqlABTests:
    def __init__(self, connection: Connection) -> None:
        self._db = connection

    async def insert(self, test: ABTest) -> None:
        design = test.design
        await self._db.execute(
            "insert into ab_tests (id, name, type, status, variants, fraction, metric,"
            " decide_after, winner_mode, started_at, decide_at, created_at, updated_at,"
            " workflow_call) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13)",
            test.id,
            test.name,
            test.type,
            test.status,
            [v.model_dump(mode="json", by_alias=True, exclude_none=True) for v in design.variants],
            design.fraction,
            design.metric,
            design.decide_after,
            design.winner,
            test.started_at,
            test.decide_at,
            test.created_at,
            WorkflowCall.START if test.status is ABTestStatus.RUNNING else None,
        )

    async def get(self, test_id: UUID) -> ABTest | None:
        row = await self._db.fetchrow(f"select {_COLUMNS} from ab_tests where id = $1", test_id)
        return _test(row) if row else None

    async def list(self, status: ABTestStatus | None, page: PageRequest) -> Page[ABTest]:
        after = "and (created_at, id) < ($3, $4)" if page.cursor else ""
        cursor = [page.cursor.at, UUID(page.cursor.id)] if page.cursor else []
        rows = await self._db.fetch(
            f"select {_COLUMNS} from ab_tests where ($1::text is null or status = $1) {after}"
            " order by created_at desc, id desc limit $2",
            status,
            page.limit + 1,
            *cursor,
        )
        shown = tuple(_test(row) for row in rows[: page.limit])
        more = len(rows) > page.limit
        return Page(shown, Cursor(shown[-1].created_at, str(shown[-1].id)) if more else None)

    async def start(self, test_id: UUID, at: datetime, decide_at: datetime | None) -> bool:
        return await self._moved(
            "status = 'running', started_at = $2, updated_at = $2, decide_at = $3,"
            " workflow_call = 'start', call_claimed_at = null where id = $1 and status = 'draft'",
            test_id,
            at,
            decide_at,
        )

    async def decide(self, test_id: UUID, decision: Decision) -> bool:
        return await self._moved(
            "status = 'decided', winner = $3, decision = $4, ended_at = $2, updated_at = $2,"
            " workflow_call = 'wake', call_claimed_at = null"
            " where id = $1 and status = 'running'",
            test_id,
            decision.at,
            decision.variant,
            decision.model_dump(mode="json", by_alias=True),
        )

    async def stop(self, test_id: UUID, at: datetime) -> bool:
        return await self._moved(
            "status = 'stopped', ended_at = $2, updated_at = $2, call_claimed_at = null,"
            " workflow_call = case when status = 'running' then 'wake' end"
            " where id = $1 and status in ('draft', 'running')",
            test_id,
            at,
        )

    async def assign(self, test_id: UUID, user_id: str, variant: int, at: datetime) -> int | None:
        found: int | None = await self._db.fetchval(_ASSIGN, test_id, user_id, variant, at)
        return found

    async def assigned(self, pairs: Sequence[tuple[UUID, str]]) -> dict[tuple[UUID, str], int]:
        rows = await self._db.fetch(
            "select test_id, user_id, variant from ab_assignments where (test_id, user_id) in"
            " (select * from unnest($1::uuid[], $2::text[]))",
            [test_id for test_id, _ in pairs],
            [user_id for _, user_id in pairs],
        )
        return {(row["test_id"], row["user_id"]): row["variant"] for row in rows}

    async def link(self, links: Sequence[ABLink]) -> None:
        await self._db.execute(
            _LINK,
            [link.notification_id for link in links],
            [link.test_id for link in links],
            [link.user_id for link in links],
            [link.variant for link in links],
            [link.at for link in links],
        )

    async def add_outcome(self, outcome: ABOutcome) -> bool | None:
        row = await self._db.fetchrow(
            _OUTCOME,
            outcome.test_id,
            outcome.user_id,
            outcome.metric,
            outcome.at,
            outcome.value,
        )
        return bool(row["added"]) if row["known"] else None

    async def engaged(
        self, notification_ids: Sequence[UUID], metrics: Sequence[ABMetric], at: datetime
    ) -> None:
        await self._db.execute(_ENGAGED, list(notification_ids), list(metrics), at)

    async def counts(self, test_id: UUID) -> tuple[ABCount, ...]:
        return tuple(
            ABCount(
                row["variant"],
                ABMetric(row["metric"]) if row["metric"] else None,
                row["users"],
                row["value"],
            )
            for row in await self._db.fetch(_COUNTS, test_id)
        )

    async def claim_calls(
        self, *, again_before: datetime, limit: int
    ) -> tuple[tuple[UUID, WorkflowCall], ...]:
        rows = await self._db.fetch(
            "update ab_tests set call_claimed_at = now() where id in ("
            " select id from ab_tests where workflow_call is not null"
            " and (call_claimed_at is null or call_claimed_at < $1)"
            " order by updated_at limit $2 for update skip locked) returning id, workflow_call",
            again_before,
            limit,
        )
        return tuple((row["id"], WorkflowCall(row["workflow_call"])) for row in rows)

    async def called(self, test_id: UUID, call: WorkflowCall) -> None:
        await self._db.execute(
            "update ab_tests set workflow_call = null where id = $1 and workflow_call = $2",
            test_id,
            call,
        )

    async def _moved(self, change: str, *values: Any) -> bool:
        return bool(await self._db.fetchval(f"update ab_tests set {change} returning 1", *values))


def _test(row: Any) -> ABTest:
    design = {
        "variants": row["variants"],
        "fraction": row["fraction"],
        "metric": row["metric"],
        "decide_after": row["decide_after"],
        "winner": row["winner_mode"],
    }
    return ABTest(
        id=row["id"],
        name=row["name"],
        type=row["type"],
        status=ABTestStatus(row["status"]),
        design=ABDesign.model_validate(design),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        started_at=row["started_at"],
        decide_at=row["decide_at"],
        ended_at=row["ended_at"],
        decision=Decision.model_validate(row["decision"]) if row["decision"] else None,
    )
