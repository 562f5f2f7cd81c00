"""Campaigns as rows, and the freezing of their audiences."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from domain.ab.assignment import Split
from domain.ab.definition import ABDesign
from domain.audience.shapes import Audience
from domain.campaigns.records import Campaign, CampaignStatus
from domain.campaigns.shapes import CampaignWords, Rate, Schedule
from domain.enums import Category, Channel, Priority
from domain.paging import Cursor, Page, PageRequest
from domain.ports.campaigns import Bucket, ZoneCount
from storage.ab.split import values, variant_of
from storage.audience.sql import select_sql
from storage.campaigns.accounts import SqlCampaignAccounts
from storage.campaigns.chunks import SqlCampaignChunks
from storage.campaigns.ending import SqlCampaignEnding
from storage.campaigns.stories import SqlCampaignStories
from storage.encryption import KeyRing
from storage.engine import Connection

_COLUMNS: Final = (
    "id, name, type, category, channels, words, audience, schedule, rate, test, status,"
    " resumes_as, reason, revision, parent_id, occurs_at, template_versions, recipients, winner,"
    " starts_at, started_at, completed_at, created_at, updated_at, priority"
)
_NAMES: Final = tuple(name.strip() for name in _COLUMNS.split(","))
_VALUES: Final = ", ".join(f"${number}" for number in range(1, len(_NAMES) + 1))
_FREEZE_WITHIN: Final = 900
"""Seconds; writing a million recipients takes some tens."""

_ZONE: Final = "coalesce(p.timezone, u.timezone)"
_FREEZE: Final = f"""
    insert into campaign_recipients
        (campaign_id, ordinal, user_id, channel, status, variant, due_at)
    select $1, row_number() over (order by variant is null, due_at nulls first, id, channel) - 1,
        id, channel, 'pending', variant, due_at
    from (
        select drawn.id, channel, drawn.variant,
            coalesce(($7::timestamptz[])[drawn.variant + 1], coalesce(z.due_at, $4)
                + coalesce(($6::interval[])[drawn.variant + 1], interval '0')) as due_at
        from (
            select u.id, {_ZONE} as zone, {{variant}} as variant
            from users u left join user_notification_preferences p on p.user_id = u.id
            where u.id in ({{audience}})
        ) drawn
        cross join unnest($5::text[]) as channel
        left join unnest($2::text[], $3::timestamptz[]) as z(zone, due_at)
            on z.zone = coalesce(drawn.zone, '')
    ) placed
"""
_FIRST_FREE: Final = 8


class SqlCampaigns(SqlCampaignChunks, SqlCampaignAccounts, SqlCampaignStories, SqlCampaignEnding):
    """Implements `CampaignRepository`; here are the resource and its audience."""

    def __init__(self, connection: Connection, keys: KeyRing) -> None:
        self._db = connection
        self._keys = keys

    async def insert(self, campaign: Campaign) -> bool:
        done: str = await self._db.execute(
            f"insert into campaigns ({_COLUMNS}) values ({_VALUES})"
            " on conflict (parent_id, occurs_at) do nothing",
            *_values(campaign),
        )
        return done.endswith(" 1")

    async def get(self, campaign_id: UUID) -> Campaign | None:
        return await self._one(campaign_id, "")

    async def lock(self, campaign_id: UUID) -> Campaign | None:
        await self._close_gate(campaign_id)
        # Not against whoever writes recipients, which refer to it.
        return await self._one(campaign_id, "for no key update")

    async def hold(self, campaign_id: UUID) -> Campaign | None:
        await self._pass_gate(campaign_id)
        return await self._one(campaign_id, "")

    async def _one(self, campaign_id: UUID, how: str) -> Campaign | None:
        row = await self._db.fetchrow(
            f"select {_COLUMNS} from campaigns where id = $1 {how}", campaign_id
        )
        return campaign_of(row) if row else None

    async def save(self, campaign: Campaign) -> None:
        changed = ", ".join(
            f"{name} = ${number}" for number, name in enumerate(_NAMES, 1) if name != "id"
        )
        await self._db.execute(f"update campaigns set {changed} where id = $1", *_values(campaign))

    async def delete(self, campaign_id: UUID) -> None:
        await self._db.execute("delete from campaigns where id = $1", campaign_id)

    async def list(self, page: PageRequest, status: CampaignStatus | None) -> Page[Campaign]:
        wanted = ["true"]
        arguments: list[Any] = [page.limit + 1]
        if status is not None:
            arguments.append(status)
            wanted.append(f"status = ${len(arguments)}")
        if page.cursor:
            arguments += [page.cursor.at, UUID(page.cursor.id)]
            wanted.append(f"(created_at, id) < (${len(arguments) - 1}, ${len(arguments)})")
        rows = await self._db.fetch(
            f"select {_COLUMNS} from campaigns where {' and '.join(wanted)}"
            " order by created_at desc, id desc limit $1",
            *arguments,
        )
        found = tuple(campaign_of(row) for row in rows[: page.limit])
        more = len(rows) > page.limit
        return Page(found, Cursor(found[-1].created_at, str(found[-1].id)) if more else None)

    async def claim_untold(
        self, *, older_than: datetime, again_before: datetime, limit: int
    ) -> tuple[Campaign, ...]:
        rows = await self._db.fetch(
            "update campaigns set start_claimed_at = now() where id in ("
            " select id from campaigns where told_at is null and status <> 'draft'"
            " and updated_at < $1 and (start_claimed_at is null or start_claimed_at < $2)"
            f" order by updated_at limit $3 for update skip locked) returning {_COLUMNS}",
            older_than,
            again_before,
            limit,
        )
        return tuple(campaign_of(row) for row in rows)

    async def mark_told(self, campaign_id: UUID, updated_at: datetime) -> None:
        await self._db.execute(
            "update campaigns set told_at = now() where id = $1 and updated_at = $2",
            campaign_id,
            updated_at,
        )

    async def untell(self, campaign_id: UUID) -> None:
        await self._db.execute(
            "update campaigns set told_at = null, start_claimed_at = null where id = $1",
            campaign_id,
        )

    async def zones(self, campaign: Campaign) -> tuple[ZoneCount, ...]:
        audience, arguments = select_sql(campaign.audience, 1)
        rows = await self._db.fetch(
            f"select {_ZONE} as zone, count(*) as users from users u"
            " left join user_notification_preferences p on p.user_id = u.id"
            f" where u.id in ({audience}) group by 1",
            *arguments,
            timeout=_FREEZE_WITHIN,
        )
        return tuple(ZoneCount(row["zone"], row["users"]) for row in rows)

    async def freeze(
        self, campaign: Campaign, due: Mapping[str | None, datetime], at: datetime | None
    ) -> int:
        variants = campaign.test.variants if campaign.test else ()
        bound: list[Any] = []
        if campaign.test is not None:
            design = campaign.test
            bound += values(Split.of(str(campaign.id), design.weights, design.fraction))
        audience, arguments = select_sql(campaign.audience, _FIRST_FREE + len(bound))
        statement = _FREEZE.format(
            audience=audience,
            variant=variant_of("u.id", _FIRST_FREE) if bound else "null::int",
        )
        done: str = await self._db.execute(
            statement,
            campaign.id,
            [zone or "" for zone in due],
            list(due.values()),
            at,
            list(campaign.channels),
            [variant.delay for variant in variants],
            [variant.send_at for variant in variants],
            *bound,
            *arguments,
            timeout=_FREEZE_WITHIN,
        )
        await self._db.execute("analyze campaign_recipients")
        return int(done.rpartition(" ")[2])

    async def buckets(self, campaign_id: UUID) -> tuple[Bucket, ...]:
        rows = await self._db.fetch(
            "select due_at, variant is not null as tested, min(ordinal) as low,"
            " max(ordinal) as high from campaign_recipients where campaign_id = $1"
            " group by 1, 2 order by 3",
            campaign_id,
            timeout=_FREEZE_WITHIN,
        )
        return tuple(Bucket(row["due_at"], row["low"], row["high"], row["tested"]) for row in rows)


def _values(campaign: Campaign) -> list[Any]:
    def wire(value: Any) -> Any:
        if value is None:
            return None
        return value.model_dump(mode="json", by_alias=True, exclude_none=True)

    return [
        campaign.id, campaign.name, campaign.type, campaign.category, list(campaign.channels),
        wire(campaign.words), wire(campaign.audience), wire(campaign.schedule),
        wire(campaign.rate), wire(campaign.test), campaign.status, campaign.resumes_as,
        campaign.reason, campaign.revision, campaign.parent_id, campaign.occurs_at,
        dict(campaign.template_versions), campaign.recipients, campaign.winner,
        campaign.starts_at, campaign.started_at, campaign.completed_at, campaign.created_at,
        campaign.updated_at, campaign.priority,
    ]  # fmt: skip


def campaign_of(row: Any) -> Campaign:
    return Campaign(
        id=row["id"],
        name=row["name"],
        type=row["type"],
        category=Category(row["category"]),
        channels=tuple(Channel(name) for name in row["channels"]),
        words=CampaignWords.model_validate(row["words"]),
        audience=Audience.model_validate(row["audience"]),
        status=CampaignStatus(row["status"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        schedule=Schedule.model_validate(row["schedule"]) if row["schedule"] else None,
        rate=Rate.model_validate(row["rate"]) if row["rate"] else None,
        test=ABDesign.model_validate(row["test"]) if row["test"] else None,
        reason=row["reason"],
        revision=row["revision"],
        parent_id=row["parent_id"],
        occurs_at=row["occurs_at"],
        template_versions=row["template_versions"],
        resumes_as=CampaignStatus(row["resumes_as"]) if row["resumes_as"] else None,
        recipients=row["recipients"],
        starts_at=row["starts_at"],
        started_at=row["started_at"],
        completed_at=row["completed_at"],
        winner=row["winner"],
        priority=Priority(row["priority"]),
    )
