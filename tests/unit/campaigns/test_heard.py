"""What is heard of a notification that carries a campaign's message, in whatever order."""

import random
from datetime import UTC, datetime
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from domain.callbacks import EngagementKind
from domain.campaigns.heard import outcome_of
from domain.campaigns.ids import LineRef, carried_line, carrier_key, recipient_id
from domain.enums import Category, Channel, NotificationStatus, Priority, Strategy
from domain.enums import DeliveryStatus as D
from domain.receipts import RECEIPTS, advances
from domain.records.notifications import Delivery, Notification
from services.campaigns.carried import note_engaged, note_outcome

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
ids = st.uuids()
ordinals = st.integers(0, 2**31 - 2)


@given(ids, ordinals)
def test_a_carrier_names_its_line(campaign: UUID, ordinal: int) -> None:
    carrier = recipient_id(campaign, ordinal)
    assert carried_line(carrier, carrier_key(campaign, ordinal)) == LineRef(campaign, ordinal)


@given(ids, ids, ordinals)
def test_a_key_alone_proves_nothing(campaign: UUID, notification: UUID, ordinal: int) -> None:
    assert carried_line(notification, carrier_key(campaign, ordinal)) is None


@given(ids, st.none() | st.text() | st.from_regex(r"campaign/[0-9a-f-]+/[0-9]+"))
def test_any_key_a_caller_gives_is_borne(notification: UUID, key: str | None) -> None:
    assert carried_line(notification, key) is None


@given(
    st.lists(st.lists(st.sampled_from(sorted(RECEIPTS)), max_size=4), min_size=1, max_size=3),
    st.randoms(use_true_random=False),
)
def test_receipts_of_several_devices_end_the_same_in_any_order(
    told: list[list[D]], dice: random.Random
) -> None:
    receipts = [(device, status) for device, mine in enumerate(told) for status in mine]

    def heard() -> str | None:
        """As it is written: whenever a line moved."""
        lines, written = [D.SENT] * len(told), None
        for device, status in receipts:
            if advances(lines[device], status):
                lines[device] = status
                written = outcome_of(lines)
        return written

    first = heard()
    for _ in range(3):
        dice.shuffle(receipts)
        assert heard() == first
    receipts *= 2
    assert heard() == first


@given(st.lists(st.sampled_from(D), max_size=5))
def test_what_arrived_anywhere_is_no_bounce(statuses: list[D]) -> None:
    outcome = outcome_of(statuses)
    if D.DELIVERED in statuses:
        assert outcome == "delivered"
    if outcome == "bounced":
        assert not {D.SENT, D.SENDING, D.PENDING, D.DEFERRED, D.UNKNOWN} & set(statuses)


def a_notification(dedup_key: str | None) -> Notification:
    return Notification(
        uuid4(), "ann", "newsletter", Category.MARKETING, Priority.LOW, (Channel.PUSH,),
        Strategy.ALL, NotificationStatus.SENT, NOW, NOW, "hash", dedup_key=dedup_key,
    )  # fmt: skip


async def test_a_notification_of_no_campaign_asks_the_database_nothing() -> None:
    nowhere: object = None
    for key in (None, "order-7", f"campaign/{uuid4()}/0"):
        item = a_notification(key)
        line = Delivery(uuid4(), item.id, Channel.PUSH, "primary", D.DELIVERED, NOW, NOW)
        await note_outcome(nowhere, item, [line], NOW)  # type: ignore[arg-type]
        for kind in EngagementKind:
            await note_engaged(nowhere, [item], kind, NOW)  # type: ignore[arg-type]
