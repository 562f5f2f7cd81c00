"""Notification types and template versions."""

from datetime import datetime
from typing import Any

from domain.paging import Cursor, Page, PageRequest
from domain.records.catalogue import NotificationType, TemplateSummary, TemplateVersion
from storage.engine import Connection
from storage.rows import type_of

_TEMPLATE = "key, locale, version, type, channels, variables, example, status, created_at"


class SqlCatalogue:
    def __init__(self, connection: Connection) -> None:
        self._db = connection

    async def types(self) -> tuple[NotificationType, ...]:
        rows = await self._db.fetch("select * from notification_types order by type")
        return tuple(type_of(row) for row in rows)

    async def type(self, name: str) -> NotificationType | None:
        row = await self._db.fetchrow("select * from notification_types where type = $1", name)
        return type_of(row) if row else None

    async def put_type(self, item: NotificationType) -> None:
        await self._put_type(
            item,
            "do update set category = excluded.category,"
            " default_channels = excluded.default_channels,"
            " default_priority = excluded.default_priority,"
            " default_strategy = excluded.default_strategy,"
            " time_to_live = excluded.time_to_live, digest_rule = excluded.digest_rule,"
            " legally_transactional = excluded.legally_transactional,"
            " required_consent = excluded.required_consent,"
            " track_opens = excluded.track_opens, track_clicks = excluded.track_clicks,"
            " template_key = excluded.template_key, description = excluded.description,"
            " updated_at = excluded.updated_at",
        )

    async def seed_type(self, item: NotificationType) -> None:
        """Adds a starter type; one that is there, edited or not, stays."""
        await self._put_type(item, "do nothing")

    async def _put_type(self, item: NotificationType, on_conflict: str) -> None:
        await self._db.execute(
            "insert into notification_types (type, category, default_channels, default_priority,"
            " default_strategy, time_to_live, digest_rule, legally_transactional,"
            " required_consent, template_key, description, updated_at, track_opens, track_clicks)"
            " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, coalesce($12, now()), $13, $14)"
            f" on conflict (type) {on_conflict}",
            item.type,
            item.category,
            list(item.default_channels),
            item.default_priority,
            item.default_strategy,
            item.time_to_live,
            item.digest_rule,
            item.legally_transactional,
            item.required_consent,
            item.template_key,
            item.description,
            item.updated_at,
            item.track_opens,
            item.track_clicks,
        )

    async def add_template_version(self, template: TemplateVersion) -> TemplateVersion:
        await self._db.execute(
            "select pg_advisory_xact_lock(hashtextextended($1, 11))", template.key
        )
        row = await self._db.fetchrow(
            "insert into template_versions (key, locale, version, type, channels, variables,"
            " example, status, created_at) values ($1, $2, (select coalesce(max(version), 0) + 1"
            " from template_versions where key = $1 and locale = $2), $3, $4, $5, $6, $7, $8)"
            f" returning {_TEMPLATE}",
            template.key,
            template.locale,
            template.type,
            dict(template.channels),
            dict(template.variables),
            dict(template.example),
            template.status,
            template.created_at,
        )
        return _template(row)

    async def template(
        self,
        key: str,
        *,
        locale: str | None = None,
        version: int | None = None,
        published_only: bool = False,
        created_by: datetime | None = None,
    ) -> tuple[TemplateVersion, ...]:
        rows = await self._db.fetch(
            f"select distinct on (locale) {_TEMPLATE} from template_versions where key = $1"
            " and ($2::text is null or locale = $2) and ($3::int is null or version = $3)"
            " and (not $4 or status = 'published')"
            " and ($5::timestamptz is null or created_at <= $5)"
            " order by locale, version desc",
            key,
            locale,
            version,
            published_only,
            created_by,
        )
        return tuple(_template(row) for row in rows)

    async def templates(self, page: PageRequest) -> Page[TemplateSummary]:
        after = "where (updated_at, key) < ($2, $3)" if page.cursor else ""
        cursor = [page.cursor.at, page.cursor.id] if page.cursor else []
        rows = await self._db.fetch(
            "select * from (select key, max(type) as type,"
            " array_agg(distinct locale order by locale) as locales, max(version) as version,"
            " case when bool_or(status = 'published') then 'published' else 'draft' end as status,"
            " max(created_at) as updated_at from template_versions group by key) t"
            f" {after} order by updated_at desc, key desc limit $1",
            page.limit + 1,
            *cursor,
        )
        shown = tuple(
            TemplateSummary(**{**dict(row), "locales": tuple(row["locales"])})
            for row in rows[: page.limit]
        )
        more = len(rows) > page.limit
        return Page(shown, Cursor(shown[-1].updated_at, shown[-1].key) if more else None)

    async def delete_template(self, key: str) -> bool:
        done = await self._db.fetch(
            "delete from template_versions where key = $1 returning version", key
        )
        return bool(done)


def _template(row: Any) -> TemplateVersion:
    return TemplateVersion(**dict(row))
