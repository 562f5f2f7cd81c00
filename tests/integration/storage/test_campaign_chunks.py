"""The work of a chunk: who is due, intents and results written once."""

from collections.abc import Sequence
from uuid import uuid4

from domain.enums import Channel, ConsentType
from domain.ids import new_id
from domain.ports.campaigns import NOBODY, LineResult, OpenBatch
from domain.preferences import Preferences
from domain.records.people import Consent, Subscription, Suppression
from tests.integration.storage.campaigns import (
    FAILED,
    HOUR,
    PENDING,
    SKIPPED,
    a_campaign,
    frozen,
    people,
    rows,
    sent,
    settle,
)
from tests.integration.storage.conftest import Ledger, now


async def test_a_line_comes_with_all_that_decides(ledger: Ledger) -> None:
    [user] = await people(ledger, 1, name="Ada", country="DE", timezone="Asia/Tokyo")
    [bare] = await people(ledger, 1, email=None)
    async with ledger.uow() as tx:
        wishes = {"userId": user, "language": "de", "frequency": {"maxPerDay": 3}}
        await tx.users.put_preferences(Preferences.model_validate(wishes), now())
        await tx.users.put_consent(
            Consent(user, ConsentType.MARKETING, granted=True, source="test", text=None, at=now())
        )
        await tx.users.put_subscription(
            Subscription(user, "newsletter", (Channel.EMAIL, Channel.PUSH), now())
        )
        await tx.operations.suppress(
            Suppression(
                id=new_id(), channel=Channel.EMAIL, address=f"{user}@example.com",
                reason="complained", source="test", created_at=now(),
            )
        )  # fmt: skip
    campaign = await frozen(ledger, a_campaign([user, bare]))
    async with ledger.uow() as tx:
        lines = await tx.campaigns.load_lines(campaign.id, 0, 499, now())
        again = await tx.campaigns.lines_of(campaign.id, [0, 1])
    assert again == lines
    mine = next(line for line in lines if line.user.id == user)
    assert (mine.user.email, mine.user.name) == (f"{user}@example.com", "Ada")
    assert (mine.preferences.language, mine.preferences.frequency.max_per_day) == ("de", 3)
    assert mine.consents == {ConsentType.MARKETING: True}
    assert mine.subscription == {Channel.EMAIL, Channel.PUSH}
    reach = mine.reach[Channel.EMAIL]
    assert (reach.targets, reach.suppressed, reach.suppression_reason) == (1, 1, "complained")
    other = next(line for line in lines if line.user.id == bare)
    assert (other.user.email, other.subscription, other.consents) == (None, None, {})
    assert other.reach[Channel.EMAIL].targets == 0
    assert other.preferences == Preferences(user_id=NOBODY)


async def test_only_what_is_due_and_pending_is_loaded(ledger: Ledger) -> None:
    campaign = await frozen(ledger, a_campaign(await people(ledger, 5)))
    at = now()
    later = LineResult(2, PENDING, "quiet_hours", due_at=at + HOUR)
    await settle(ledger, campaign, sent(0), LineResult(1, SKIPPED, "unsubscribed"), later)
    async with ledger.uow() as tx:
        due = [line.ordinal for line in await tx.campaigns.load_lines(campaign.id, 0, 3, at)]
        assert due == [3]
        then = at + HOUR
        due = [line.ordinal for line in await tx.campaigns.load_lines(campaign.id, 0, 9, then)]
        assert due == [2, 3, 4]
        assert await tx.campaigns.next_due(campaign.id, 2, 2, at) == at + HOUR
        assert await tx.campaigns.next_due(campaign.id, 0, 1, at) is None
        assert await tx.campaigns.next_due(campaign.id, 0, 9, at) == at, "at once"


async def test_intents_are_written_once(ledger: Ledger) -> None:
    """A second attempt, during the calls and after them, writes nothing."""
    campaign = await frozen(ledger, a_campaign(await people(ledger, 4)))
    at = now()
    first = OpenBatch(new_id(), "resend", (0, 1), intent_at=at)
    second = OpenBatch(new_id(), "resend", (1, 2))

    async def write(*batches: OpenBatch, others: Sequence[int] = ()) -> bool:
        async with ledger.uow() as tx:
            return await tx.campaigns.write_batches(campaign.id, 0, batches, others, at)

    assert await write(first)
    assert not await write(second)
    async with ledger.uow() as tx:
        assert await tx.campaigns.open_batches(campaign.id, 0) == (first,)
        assert await tx.campaigns.open_batches(campaign.id, 500) == ()
        assert await tx.campaigns.in_flight(campaign.id) == 2
        assert await tx.campaigns.in_flight(campaign.id, now() + HOUR) == 0
    assert await settle(ledger, campaign, sent(0), sent(1), batches=[first.id])
    assert not await write(second), "one of them is sent"
    assert not await write(others=(1,))
    assert await write(OpenBatch(new_id(), "resend", (2,)), others=(3,))


async def test_results_are_written_once(ledger: Ledger) -> None:
    campaign = await frozen(ledger, a_campaign(await people(ledger, 2)))
    batch = OpenBatch(new_id(), "resend", (0, 1))
    async with ledger.uow() as tx:
        await tx.campaigns.write_batches(campaign.id, 0, [batch], (), now())
    message = f"m-{uuid4()}"
    assert await settle(ledger, campaign, sent(0, message), sent(1), batches=[batch.id])
    unknown = [LineResult(ordinal, FAILED, "outcome_unknown") for ordinal in (0, 1)]
    assert not await settle(ledger, campaign, *unknown, batches=[batch.id])
    assert await settle(ledger, campaign, *unknown), "and only pending lines move"
    assert [row["status"] for row in await rows(ledger, campaign)] == ["sent", "sent"]
    async with ledger.uow() as tx:
        found = await tx.campaigns.recipient_of(message)
    assert found is not None
    assert found.line == (campaign.id, 0)


async def test_refusals_are_counted_and_what_is_put_off_keeps_its_place(ledger: Ledger) -> None:
    campaign = await frozen(ledger, a_campaign(await people(ledger, 1)))
    for _ in range(2):
        await settle(ledger, campaign, LineResult(0, PENDING, "busy", failed_once=True))
    later = now() + HOUR
    await settle(ledger, campaign, LineResult(0, PENDING, "quiet_hours", due_at=later))
    [row] = await rows(ledger, campaign)
    assert (row["failures"], row["due_at"], row["reason"]) == (2, later, "quiet_hours")


async def test_closing_and_giving_up(ledger: Ledger) -> None:
    campaign = await frozen(ledger, a_campaign(await people(ledger, 4)))
    async with ledger.uow() as tx:
        batch = OpenBatch(new_id(), "resend", (1, 2))
        await tx.campaigns.write_batches(campaign.id, 0, [batch], (), now())
    await settle(ledger, campaign, sent(0))
    async with ledger.uow() as tx:
        await tx.campaigns.close_range(campaign.id, 0, 3, now())
        assert await tx.campaigns.give_up_batches(campaign.id, now()) == 2
        assert await tx.campaigns.give_up_batches(campaign.id, now()) == 0
        await tx.campaigns.close_range(campaign.id, 0, 3, now())
        counts = await tx.campaigns.counts(campaign)
    assert (counts.sent, counts.failures, counts.skipped, counts.pending) == (
        1, {"outcome_unknown": 2}, {"cancelled": 1}, 0,
    )  # fmt: skip
