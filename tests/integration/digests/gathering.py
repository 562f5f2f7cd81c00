"""Users who gather, what they are sent, and the windows in which it waits."""

from datetime import datetime, timedelta
from uuid import UUID

from domain.digests.messages import FlushDigestInput, FlushDigestResult
from domain.enums import Category, DeliveryMode
from domain.preferences import CategoryPreference, Preferences
from domain.records.notifications import NotificationView
from tests.integration.conftest import Core, now

DAY = timedelta(days=1)
DAILY = {Category.JOBS: CategoryPreference(delivery=DeliveryMode.DAILY)}


async def gatherer(core: Core, **changes: object) -> str:
    """A user who has jobs gathered once a day."""
    user = await core.user()
    await prefer(core, user, **({"categories": DAILY} | changes))
    return user


async def prefer(core: Core, user: str, **choices: object) -> None:
    async with core.uow() as tx:
        await tx.users.put_preferences(
            Preferences(user_id=user, **choices),  # type: ignore[arg-type]
            now(),
        )


async def item(core: Core, user: str, **fields: object) -> UUID:
    return await core.accept(user, **({"type": "job_match"} | fields))


async def gathered(core: Core, user: str, **fields: object) -> UUID:
    notification_id = await item(core, user, **fields)
    plan = await core.plan(notification_id)
    assert plan.gathered and not plan.ready and plan.wait_until is None
    return notification_id


async def flush(
    core: Core,
    user: str,
    at: datetime,
    key: str = "jobs",
    *,
    everything: bool = False,
    late: timedelta = timedelta(0),
) -> FlushDigestResult:
    """`late`: a second try of the same flush, when the clock had moved on."""
    return await core.digesting.flush_due(
        FlushDigestInput(
            user_id=user,
            digest_key=key,
            at=at + late,
            window=at,
            flush=f"run/{at}",
            everything=everything,
        )
    )


async def ends_at(core: Core, notification_id: UUID) -> datetime:
    async with core.uow() as tx:
        found = await tx.digests.waiting(notification_id)
    assert found is not None
    return found.ends_at


async def digest_of(core: Core, result: FlushDigestResult) -> NotificationView:
    assert result.digest_id is not None
    return await core.view(result.digest_id)


def ids_in(view: NotificationView) -> list[UUID]:
    items = view.content.data["items"]
    assert isinstance(items, list)
    assert view.content.data["total"] == len(items)
    return [UUID(line["notificationId"]) for line in items]  # type: ignore[index, call-overload, arg-type]
