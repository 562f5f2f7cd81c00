"""People with everything a segment may ask of one, as plain data, made at random."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import uuid4

from domain.audience.shapes import Audience
from domain.callbacks import EngagementKind
from domain.campaigns.ids import recipient_id
from domain.campaigns.records import Campaign, CampaignStatus
from domain.campaigns.shapes import CampaignWords
from domain.enums import Category, Channel, ConsentType, Platform, PushVendor
from domain.ids import new_id
from domain.ports.callbacks import EngagementRecord
from domain.preferences import Preferences
from domain.records.people import Consent, Device, Subscription, User
from tests.integration.storage.conftest import Ledger

TYPES = ("job_alert", "newsletter", "digest")
CHANNELS = ("email", "sms", "push", "websocket")
CATEGORIES = ("jobs", "marketing")
CONSENTS = ("marketing", "sms")
EVENTS = ("opened", "clicked", "read")
PLATFORMS = ("web", "ios", "android")
DATES = ("2026-02-31", "2026-01-05", "2026-01-05T10:00:00Z", "2026-01-05T10:00:00.25+05:30",
         "2026-01-05 10:00", "tomorrow", "now", "infinity", "2026-01-05T24:00", "0000-01-01",
         "2026-1-5", "20260105", "2026-01-05T10:00:00+14:59")  # fmt: skip
SCALARS = (0, 1, 2, -3, 1.0, 2.5, True, False, "1", "true", "candidate", "Candidate", "can", "",
           "x' or '1'='1", "%", "_", "ä", *DATES)  # fmt: skip
COMMON = (1, 2.5, "candidate", "2026-01-05")
ATTRIBUTES = ("role", "level", "tags", "seen", "address.city", "address.deep.er", "tags.0",
              "O'Hare", '"; drop table users; --', "$1", "a b")  # fmt: skip


@dataclass
class Person:
    """A user and everything a segment may ask of one; what is None was never chosen."""

    id: str
    created_at: datetime
    profile: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    preferences: dict[str, Any] | None = None
    subscriptions: dict[str, list[str]] = field(default_factory=dict)
    consents: dict[str, bool] = field(default_factory=dict)
    devices: list[str] = field(default_factory=list)
    events: list[tuple[str, datetime]] = field(default_factory=list)
    campaigns: list[dict[str, datetime]] = field(default_factory=list)
    """Emails of campaigns, with when each was opened and the like."""


def some_attributes(dice: Random) -> dict[str, Any]:
    def scalar() -> Any:
        return dice.choice(SCALARS)

    attributes: dict[str, Any] = {}
    for path in ATTRIBUTES:
        if path != "tags.0" and dice.random() < 0.5:  # an array has no names
            place, (*parents, leaf) = attributes, path.split(".")
            for parent in parents:
                inner = place.get(parent)
                if not isinstance(inner, dict):
                    inner = place[parent] = {}
                place = inner
            place[leaf] = dice.choice(
                [
                    *COMMON,
                    scalar(),
                    scalar(),
                    scalar(),
                    None,
                    [scalar(), 1],
                    [1, "can"],
                    ["candidate", 1],
                    [scalar()],
                    [],
                    [[1]],
                    {"k": 1},
                ]
            )
    return attributes


def some_preferences(dice: Random) -> dict[str, Any]:
    return {
        "language": dice.choice(["de", "en", None]),
        "channels": {name: {"enabled": dice.choice([None, True, False])} for name in CHANNELS},
        "categories": {
            name: {
                "enabled": dice.random() < 0.5,
                "delivery": dice.choice(["immediate", "daily"]),
            }
            for name in CATEGORIES
            if dice.random() < 0.6
        },
    }


def lately(now: datetime, dice: Random) -> datetime:
    return now - timedelta(days=dice.choice([0, 1, 6, 8, 20]), seconds=9)


def some_person(number: int, now: datetime, dice: Random) -> Person:
    def maybe(value: Any, chance: float = 0.6) -> Any:
        return value if dice.random() < chance else None

    return Person(
        id=dice.choice(["user", "U", "ada.l"]) + f"-{number}",
        created_at=now - timedelta(days=dice.choice([0, 1, 7, 29, 31, 400]), seconds=5),
        profile={
            "locale": maybe(dice.choice(["de", "pt-BR", "en-GB"])),
            "timezone": maybe(dice.choice(["Europe/Berlin", "UTC", "Africa/Lagos"])),
            "country": maybe(dice.choice(["DE", "BR"])),
            "email": maybe(f"p{number}@example.com"),
            "phone": maybe("+4915112345678", 0.3),
            "email_verified": dice.random() < 0.5,
        },
        attributes=some_attributes(dice),
        preferences=maybe(some_preferences(dice)),
        subscriptions={
            name: dice.sample(CHANNELS, dice.randint(0, 3)) for name in TYPES if dice.random() < 0.5
        },
        consents={name: dice.random() < 0.5 for name in CONSENTS if dice.random() < 0.6},
        devices=[dice.choice(PLATFORMS) for _ in range(dice.choice([0, 0, 1, 2, 3]))],
        events=[
            (dice.choice([*EVENTS, "dismissed"]), lately(now, dice))
            for _ in range(dice.choice([0, 0, 1, 4]))
        ],
        campaigns=[
            {
                kind: lately(now, dice)
                for kind in ("opened", "clicked", "unsubscribed")
                if dice.random() < 0.4
            }
            for _ in range(dice.choice([0, 0, 1, 3]))
        ],
    )


async def store(ledger: Ledger, person: Person) -> None:
    user, at = person.id, person.created_at
    item = None
    async with ledger.uow() as tx:
        await tx.users.put(User(user, at, at, attributes=person.attributes, **person.profile))
        if person.preferences is not None:
            chosen = Preferences.model_validate({"userId": user, **person.preferences})
            await tx.users.put_preferences(chosen, at)
        for name, channels in person.subscriptions.items():
            wanted = tuple(Channel(channel) for channel in channels)
            await tx.users.put_subscription(Subscription(user, name, wanted, at))
        for consent, granted in person.consents.items():
            await tx.users.put_consent(Consent(user, ConsentType(consent), granted, "t", None, at))
        for platform in person.devices:
            await tx.devices.register(
                Device(new_id(), user, uuid4().hex, Platform(platform), PushVendor.FIREBASE, at, at)
            )
    if person.events:
        item = await ledger.notification(user)
        async with ledger.uow() as tx:
            await tx._connection.executemany(
                "insert into user_engagement_events (user_id, notification_id, event_type,"
                " channel, created_at) values ($1, $2, $3, 'email', $4)",
                [(user, item.id, kind, when) for kind, when in person.events],
            )


async def store_campaigns(ledger: Ledger, people: list[Person]) -> None:
    """Each person's nth email belongs to the nth campaign."""
    async with ledger.uow() as tx:
        for place in range(max(len(person.campaigns) for person in people)):
            campaign, at = new_id(), datetime.now(UTC)
            await tx.campaigns.insert(
                Campaign(campaign, f"C {place}", "newsletter", Category.MARKETING,
                         (Channel.EMAIL,), CampaignWords(), Audience(everyone=True),
                         CampaignStatus.COMPLETED, at, at)
            )  # fmt: skip
            sent = [person for person in people if len(person.campaigns) > place]
            for ordinal, person in enumerate(sent):
                for kind, when in person.campaigns[place].items():
                    record = EngagementRecord(
                        recipient_id(campaign, ordinal), None, person.id, Channel.EMAIL,
                        EngagementKind(kind), when, campaign_id=campaign,
                    )  # fmt: skip
                    assert await tx.engagement.add(record)
