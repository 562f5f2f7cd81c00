"""What is known of one user in a campaign: their lines, and the provider calls those were in."""

from typing import Any, Final

from domain.campaigns.parts import CHUNK
from domain.campaigns.records import Campaign
from domain.campaigns.story import LineCall, LineStory
from storage.campaigns.lines import LINES, line_sql, recipient_from
from storage.engine import Connection

_HANDED_ON: Final = "select id, created_at from notifications where id = any($1::uuid[])"
_CALLS: Final = """
    select o.ordinal, b.provider, b.intent_at, b.done_at, b.in_doubt
    from unnest($2::int[]) as o(ordinal) join campaign_batches b on b.campaign_id = $1
        and b.chunk between o.ordinal - $3 + 1 and o.ordinal and o.ordinal = any(b.ordinals)
    order by b.intent_at, b.id
"""
"""A chunk is named by its first ordinal."""


class SqlCampaignStories:
    """A part of `CampaignRepository`: explaining one recipient."""

    _db: Connection

    async def stories(self, campaign: Campaign, user_id: str) -> tuple[LineStory, ...]:
        rows = await self._db.fetch(
            line_sql(
                f"{LINES} where r.user_id = $2 and r.campaign_id = $1 order by r.ordinal", campaign
            ),
            campaign.id,
            user_id,
        )
        carriers = [row["notification_id"] for row in rows if row["notification_id"]]
        found = await self._db.fetch(_HANDED_ON, carriers) if carriers else []
        handed_on = {row["id"]: row["created_at"] for row in found}
        ordinals = [row["ordinal"] for row in rows]
        calls = await self._db.fetch(_CALLS, campaign.id, ordinals, CHUNK) if rows else []
        return tuple(
            LineStory(
                line=recipient_from(campaign, row),
                planned_at=campaign.started_at,
                outcome_at=row["outcome_at"],
                failures=row["failures"],
                calls=tuple(_call(call) for call in calls if call["ordinal"] == row["ordinal"]),
                notification_id=row["notification_id"],
                handed_on_at=handed_on.get(row["notification_id"]),
            )
            for row in rows
        )


def _call(row: Any) -> LineCall:
    return LineCall(row["provider"], row["intent_at"], row["done_at"], row["in_doubt"])
