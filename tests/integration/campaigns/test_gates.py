"""Each recipient's own rules: who is skipped and why, who waits and comes back, and limits."""

from datetime import timedelta
from typing import Any

import pytest

from domain.campaigns.records import RecipientStatus
from domain.delivering import RetryLater
from domain.enums import Channel, ConsentType
from domain.ids import new_id
from domain.preferences import Preferences
from domain.records.people import Subscription, Suppression
from tests.integration.campaigns.conftest import Bench, email, emails, sums

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


async def prefer(bench: Bench, user_id: str, **wishes: Any) -> None:
    async with bench.uow() as tx:
        given = Preferences.model_validate({"userId": user_id, **wishes})
        await tx.users.put_preferences(given, bench.now())


def quiet(bench: Bench) -> dict[str, Any]:
    """Now, and for an hour more."""
    now = bench.now()
    start, end = now - HOUR, now + HOUR
    return {"enabled": True, "start": f"{start:%H:%M}", "end": f"{end:%H:%M}", "timezone": "UTC"}


async def test_everyone_who_is_not_sent_has_a_reason(bench: Bench) -> None:
    fine, refuses, silent, left, barred, off = await bench.users(6)
    [nowhere] = await bench.users(1, email=None)
    everyone = [fine, refuses, silent, left, barred, off, nowhere]
    for user in (fine, left, barred, off, nowhere):
        await bench.consent(user, ConsentType.MARKETING, granted=True)
    await bench.consent(refuses, ConsentType.MARKETING, granted=False)
    async with bench.uow() as tx:
        await tx.users.put_subscription(Subscription(left, "newsletter", (), bench.now()))
        await tx.operations.suppress(
            Suppression(
                id=new_id(), channel=Channel.EMAIL, address=email(barred), reason="bounced",
                source="test", created_at=bench.now(),
            )
        )  # fmt: skip
    await prefer(bench, off, channels={"email": {"enabled": False}})
    campaign = await bench.running(everyone, type="newsletter")
    assert await bench.finished(campaign) == []
    reasons = {r.user_id: r.reason for r in await bench.recipients(campaign)}
    assert reasons == {
        fine: None, refuses: "consent_refused", silent: "consent_missing", left: "unsubscribed",
        barred: "suppressed", off: "channel_disabled", nowhere: "no_address",
    }  # fmt: skip
    bench.vendor.assert_once([email(fine)])
    assert (await bench.accounts(campaign))["sent"] == 1


async def test_quiet_hours_put_off_and_bring_back(bench: Bench) -> None:
    quiet_one, other = await bench.users(2)
    await prefer(bench, quiet_one, quietHours=quiet(bench))
    campaign = await bench.running([quiet_one, other])
    result = await bench.deliver(campaign)
    assert result.due_at is not None
    assert timedelta(0) < result.due_at - bench.now() <= HOUR
    bench.vendor.assert_once([email(other)])
    assert await bench.accounts(campaign) == sums(sent=1, pending=1)
    counts = (await bench.campaigns.accounts(campaign.id)).counts
    assert counts.deferred == 1
    [waiting] = await bench.recipients(campaign, RecipientStatus.PENDING)
    assert (waiting.reason, waiting.due_at) == ("quiet_hours", result.due_at)
    # Not before its time, and then once.
    assert (await bench.deliver(campaign)).due_at == result.due_at
    bench.ahead = HOUR + timedelta(minutes=1)
    assert await bench.finished(campaign) == []
    bench.vendor.assert_once(emails([quiet_one, other]))
    assert await bench.accounts(campaign) == sums(sent=2)


async def test_an_attempt_that_comes_late_looks_at_the_present_hour(bench: Bench) -> None:
    """The command is old; quiet hours have begun since."""
    [user] = await bench.users(1)
    campaign = await bench.running([user])
    await prefer(bench, user, quietHours=quiet(bench))
    result = await bench.deliver(campaign, at=bench.now() - 2 * HOUR)
    assert result.due_at is not None
    assert bench.vendor.calls == []


async def test_a_limit_counts_other_campaigns_and_defers(bench: Bench) -> None:
    [user] = await bench.users(1)
    await prefer(bench, user, frequency={"maxPerDay": 1})
    first = await bench.running([user])
    assert await bench.finished(first) == []
    second = await bench.running([user])
    result = await bench.deliver(second)
    assert result.due_at is not None
    assert 23 * HOUR < result.due_at - bench.now() <= 24 * HOUR
    bench.ahead = DAY + timedelta(minutes=1)
    assert await bench.finished(second) == []
    assert bench.vendor.received[email(user)] == 2


async def test_a_limit_that_drops_skips(bench: Bench) -> None:
    [user] = await bench.users(1)
    await prefer(bench, user, frequency={"maxPerDay": 0, "whenExceeded": "drop"})
    campaign = await bench.running([user])
    assert await bench.finished(campaign) == []
    assert sum((await bench.accounts(campaign))["skipped"].values()) == 1
    assert bench.vendor.calls == []


async def test_a_campaigns_message_counts_against_a_notification(bench: Bench) -> None:
    [user] = await bench.users(1)
    await prefer(bench, user, frequency={"maxPerDay": 1})
    assert await bench.finished(await bench.running([user])) == []
    single = await bench.core.accept(user, type="job_match")
    plan = await bench.core.plan(single)
    assert plan.ready == ()
    assert plan.wait_until is not None


async def test_a_notification_counts_against_a_campaign(bench: Bench) -> None:
    [user] = await bench.users(1)
    await prefer(bench, user, frequency={"maxPerDay": 1})
    await bench.core.plan(await bench.core.accept(user, type="job_match"))
    campaign = await bench.running([user])
    assert (await bench.deliver(campaign)).due_at is not None
    assert bench.vendor.calls == []


async def test_a_variable_one_recipient_lacks_fails_that_one_by_name(bench: Bench) -> None:
    rich = await bench.users(2, attributes={"city": "Berlin"})
    [poor] = await bench.users(1)
    campaign = await bench.running([*rich, poor], subject="News from {{ user.attributes.city }}")
    assert await bench.finished(campaign) == []
    accounts = await bench.accounts(campaign)
    assert (accounts["sent"], sum(accounts["failed"].values())) == (2, 1)
    [failed] = await bench.recipients(campaign, RecipientStatus.FAILED)
    assert failed.user_id == poor
    assert "city" in (failed.reason or "")
    assert bench.vendor.words[email(rich[0])].message.subject == "News from Berlin"


async def test_warm_up_lets_each_day_have_its_share(bench: Bench) -> None:
    users = await bench.users(7)
    steps = [{"day": 1, "max": 2}, {"day": 2, "max": 4}]
    campaign = await bench.running(users, rate={"warmUp": steps})
    result = await bench.deliver(campaign)
    assert campaign.started_at is not None
    assert result.due_at == campaign.started_at + DAY
    assert await bench.accounts(campaign) == sums(sent=2, pending=5)
    assert {r.reason for r in await bench.recipients(campaign, RecipientStatus.PENDING)} == {
        "warm_up"
    }
    bench.ahead = DAY + timedelta(minutes=1)
    assert (await bench.deliver(campaign)).due_at == campaign.started_at + 2 * DAY
    assert await bench.accounts(campaign) == sums(sent=6, pending=1)
    bench.ahead = 2 * DAY + timedelta(minutes=1)
    assert await bench.finished(campaign) == []
    bench.vendor.assert_once(emails(users))


async def test_two_chunks_share_one_days_warm_up(bench: Bench) -> None:
    import asyncio

    users = await bench.users(8)
    campaign = await bench.running(users, rate={"warmUp": [{"day": 1, "max": 3}]})
    await asyncio.gather(bench.deliver(campaign, 0, 3), bench.deliver(campaign, 4, 7))
    assert await bench.accounts(campaign) == sums(sent=3, pending=5)


async def test_a_cap_below_a_chunk_sends_a_minutes_worth_at_a_time(bench: Bench) -> None:
    users = await bench.users(5)
    campaign = await bench.running(users, rate={"perMinute": 2})
    for sent in (2, 4, 5):
        result = await bench.deliver(campaign)
        assert (await bench.accounts(campaign))["sent"] == sent
        # What is left waits for nothing but its turn; the workflow compares the instant.
        assert sent == 5 or (result.due_at is not None and result.due_at <= bench.now())
    line = f"campaign:{campaign.id}"
    assert bench.core.breakers.paced == [(line, 2 / 60, 2), (line, 2 / 60, 2), (line, 2 / 60, 1)]


async def test_no_place_under_the_cap_comes_back_later(bench: Bench) -> None:
    campaign = await bench.running(await bench.users(1), rate={"perMinute": 60})
    bench.core.breakers.waits = [timedelta(seconds=9)]
    with pytest.raises(RetryLater) as later:
        await bench.deliver(campaign)
    assert (later.value.code, later.value.after) == ("rate_limited", timedelta(seconds=9))
    assert bench.vendor.calls == []
    assert await bench.finished(campaign) == []


async def test_two_variants_of_time_leave_apart(bench: Bench) -> None:
    users = await bench.users(12)
    variants = [{"name": "now", "subject": "A"}, {"name": "later", "subject": "B", "delay": "PT2H"}]
    campaign = await bench.running(users, test={"variants": variants, "decideAfter": "PT4H"})
    result = await bench.deliver(campaign)
    counts = (await bench.campaigns.accounts(campaign.id)).counts
    by_name = {variant.name: variant for variant in counts.variants}
    assert by_name["later"].sent == 0
    assert by_name["now"].sent == by_name["now"].recipients > 0
    assert campaign.started_at is not None
    assert result.due_at == campaign.started_at + 2 * HOUR
    bench.ahead = 2 * HOUR + timedelta(minutes=1)
    assert await bench.finished(campaign) == []
    assert {bench.vendor.words[address].message.subject for address in emails(users)} == {"A", "B"}
