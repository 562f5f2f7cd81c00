"""Items and digests over a real database: what is gathered is in one digest, or still waits."""

from datetime import timedelta

import pytest

from domain.digests.messages import FlushDigestResult, HandOverInput
from domain.enums import Category, Channel, DeliveryStatus, NotificationStatus
from domain.errors import NotFound
from domain.preferences import Frequency
from tests.integration.conftest import Core, now
from tests.integration.digests.gathering import (
    DAY,
    digest_of,
    ends_at,
    flush,
    gathered,
    gatherer,
    ids_in,
    item,
    prefer,
)


async def test_what_is_gathered_waits_until_its_window_ends(core: Core) -> None:
    user = await gatherer(core)
    first = await item(core, user)
    plan = await core.plan(first)
    assert (plan.gathered, plan.hand_over) == (True, True)
    shown = await core.view(first)
    assert shown.notification.status is NotificationStatus.SCHEDULED
    assert shown.notification.reason == "digest_daily"
    assert shown.notification.until == await ends_at(core, first)
    [line] = shown.deliveries
    assert line.status is DeliveryStatus.DEFERRED

    await core.digesting.hand_over(HandOverInput(notification_id=first))
    assert [told.ends_at for told in core.digest_calls.told] == [shown.notification.until]
    second = await core.plan(await item(core, user))
    assert (second.gathered, second.hand_over) == (True, False), "its workflow knows already"
    assert (await core.plan(first)).hand_over is False


async def test_a_window_becomes_one_notification(core: Core) -> None:
    user = await gatherer(core)
    items = [
        await gathered(core, user, title=f"Job {n}", data={"url": f"https://example.com/{n}"})
        for n in range(3)
    ]
    alert = await gathered(core, user, type="job_alert", title="Alert", channels=["push", "email"])
    at = await ends_at(core, items[0])
    too_soon = await flush(core, user, at - timedelta(milliseconds=1))
    assert too_soon == FlushDigestResult(digest_id=None, items=0, next_ends_at=at)

    result = await flush(core, user, at)
    assert (result.items, result.next_ends_at) == (4, None)
    digest = await digest_of(core, result)
    row = digest.notification
    assert (row.type, row.category, row.status) == (
        "digest", Category.JOBS, NotificationStatus.ACCEPTED,
    )  # fmt: skip
    assert (row.template_key, row.digest_key, row.created_at) == ("digest", "jobs", at)
    assert ids_in(digest) == [*items, alert]
    lines = digest.content.data["items"]
    assert lines[0]["title"] == "Job 0"  # type: ignore[index, call-overload]
    assert lines[0]["url"] == "https://example.com/0"  # type: ignore[index, call-overload]
    assert set(row.channels) == {Channel.EMAIL}, "there is no device to push to"

    for one in [*items, alert]:
        shown = await core.view(one)
        assert (shown.notification.status, shown.notification.digest_id) == (
            NotificationStatus.DIGESTED, row.id,
        )  # fmt: skip
        assert {line.status for line in shown.deliveries} == {DeliveryStatus.SKIPPED}
        explained = await core.explaining.explain(one)
        assert explained.digest_id == row.id
        assert str(row.id) in explained.summary
        assert explained.timeline[-1].event == "notification.digested"


async def test_made_again_it_is_the_same_digest(core: Core) -> None:
    """The worker died after the commit: the next one finds it."""
    user = await gatherer(core)
    items = [await gathered(core, user) for _ in range(2)]
    at = await ends_at(core, items[0])
    first = await flush(core, user, at)
    later = await gathered(core, user)
    again = await flush(core, user, at, late=timedelta(seconds=7))
    assert again.digest_id == first.digest_id
    assert again.items == 2
    assert again.next_ends_at == await ends_at(core, later)
    assert (await core.view(later)).notification.digest_id is None


async def test_the_digest_leaves_at_once_and_is_not_gathered(core: Core) -> None:
    user = await gatherer(core, frequency=Frequency(max_per_day=1, when_exceeded="digest"))
    sent = await item(core, user, priority="critical")
    await core.plan(sent)
    await core.deliver(sent)
    one = await gathered(core, user, title="A job for you")
    at = await ends_at(core, one)
    digest = await digest_of(core, await flush(core, user, at + DAY))
    plan = await core.plan(digest.notification.id, at=at + DAY)
    assert plan.ready == (Channel.EMAIL,)
    await core.deliver(digest.notification.id)
    message = core.provider.sent[-1].message
    assert "1 notification for you" in (message.subject or "")
    assert "A job for you" in message.text


async def test_a_digest_over_the_limit_waits_rather_than_being_gathered(core: Core) -> None:
    user = await gatherer(core, frequency=Frequency(max_per_day=1, when_exceeded="digest"))
    one = await gathered(core, user)
    result = await flush(core, user, now(), everything=True)
    other = await item(core, user, type="message_received", channels=["email"])
    assert (await core.plan(other)).ready
    plan = await core.plan((await digest_of(core, result)).notification.id)
    assert not plan.gathered
    assert plan.wait_until is not None
    assert (await core.view(one)).notification.status is NotificationStatus.DIGESTED


async def test_limits_gather_where_the_user_says_so(core: Core) -> None:
    user = await core.user()
    await prefer(core, user, frequency=Frequency(max_per_day=1, when_exceeded="digest"))
    first = await item(core, user)
    assert (await core.plan(first)).ready
    await core.deliver(first)
    second, third = [await gathered(core, user) for _ in range(2)]
    shown = await core.view(second)
    assert shown.notification.reason == "frequency_exceeded"
    result = await flush(core, user, now(), everything=True)
    assert ids_in(await digest_of(core, result)) == [second, third]


async def test_one_channel_leaves_and_the_other_is_gathered(core: Core) -> None:
    """A category's limit counts by channel: in-app goes now, the email goes into the digest."""
    user = await core.user()
    limits = {"categories": {"jobs": {"maxPerDay": 1}}, "whenExceeded": "digest"}
    await prefer(core, user, frequency=Frequency.model_validate(limits))
    first = await item(core, user, channels=["email"])
    await core.plan(first)
    await core.deliver(first)
    both = await item(core, user, channels=["websocket", "email"], title="Half")
    plan = await core.plan(both)
    assert (plan.ready, plan.gathered, plan.wait_until) == ((Channel.WEBSOCKET,), True, None)
    core.provider.channel = Channel.WEBSOCKET
    await core.deliver(both, Channel.WEBSOCKET)
    digest = await digest_of(core, await flush(core, user, now(), everything=True))
    assert digest.notification.channels == (Channel.EMAIL,)
    shown = await core.view(both)
    assert shown.notification.status in {NotificationStatus.SENT, NotificationStatus.DELIVERED}
    assert shown.notification.digest_id == digest.notification.id
    assert {line.channel: line.reason for line in shown.deliveries}[Channel.EMAIL] == "digested"
    summary = (await core.explaining.explain(both)).summary
    assert summary.endswith(f"email in the digest {digest.notification.id}.")
    assert (await core.plan(both)).ended, "what was digested is not tried again"


async def test_keys_keep_digests_apart_and_on_request_all_of_one_goes(core: Core) -> None:
    user = await gatherer(core)
    plain = await gathered(core, user)
    keyed = await gathered(core, user, digestKey="saved search/7")
    done = await core.digesting.flush(user, "saved search/7")
    assert (done.items, done.waiting) == (1, 0)
    assert done.digest_id is not None
    assert ids_in(await core.view(done.digest_id)) == [keyed]
    nothing = await core.digesting.flush(user, "saved search/7")
    assert (nothing.digest_id, nothing.items) == (None, 0)
    assert (await core.view(plain)).notification.status is NotificationStatus.SCHEDULED
    with pytest.raises(NotFound, match="no user"):
        await core.digesting.flush("nobody", "jobs")


async def test_an_item_without_a_title_has_its_templates(core: Core) -> None:
    user = await gatherer(core)
    data = {"jobTitle": "Engineer", "company": "Example", "url": "https://example.com"}
    await gathered(core, user, title=None, content=None, data=data)
    digest = await digest_of(core, await flush(core, user, now(), everything=True))
    [line] = digest.content.data["items"]  # type: ignore[misc]
    assert line["title"]  # type: ignore[index, call-overload]
    assert line["title"] != "Job match", "rendered, not spelled out"  # type: ignore[index, call-overload]
