"""Subscriptions: the channels a user chose for a type, or none at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from domain.campaigns.ids import TEST_ORDINAL, LineRef
from domain.enums import Channel
from domain.errors import NotFound, user_not_found
from domain.ports.runtime import Clock
from domain.ports.storage import Transaction, UnitOfWork
from domain.records.catalogue import NotificationType
from domain.records.events import PendingSignal
from domain.records.people import Subscription
from domain.signing import sign_link, verify_link
from services.campaigns.engagement import note_unsubscribed
from services.catalogue.reading import Catalogue
from services.notifications.replanning import Replanning


@dataclass(frozen=True, slots=True)
class UnsubscribeLink:
    user_id: str
    type: NotificationType
    notification_id: UUID | None = None
    """The message the link stood in, when it says."""
    campaign: LineRef | None = None
    """Or the campaign, and which of its recipients."""

    @property
    def is_test(self) -> bool:
        """It stands in a test of a campaign: it shows how it works, and changes nothing."""
        return self.campaign is not None and self.campaign.ordinal == TEST_ORDINAL


@dataclass(frozen=True, slots=True)
class Unsubscribed:
    link: UnsubscribeLink
    everything: bool
    changed: bool
    """False: it was so already."""
    undo: str
    """For `resubscribe_by_link`; signed, and good for this user alone."""


class SubscriptionService:
    def __init__(
        self,
        uow: UnitOfWork,
        catalogue: Catalogue,
        replanning: Replanning,
        clock: Clock,
        link_key: bytes,
    ) -> None:
        self._uow = uow
        self._catalogue = catalogue
        self._replanning = replanning
        self._clock = clock
        self._link_key = link_key

    async def list(self, user_id: str) -> tuple[Subscription, ...]:
        """Raises `NotFound("user_not_found")`."""
        async with self._uow() as tx:
            if await tx.users.get(user_id) is None:
                raise user_not_found(user_id)
            return await tx.users.subscriptions(user_id)

    async def subscribe(
        self, user_id: str, type_name: str, channels: Sequence[Channel] | None
    ) -> Subscription:
        """`channels` None: the type's own. Raises `NotFound`, `Invalid("unknown_type")`."""
        kind = await self._catalogue.type(type_name)
        chosen = tuple(channels) if channels is not None else kind.default_channels
        return await self._put(user_id, type_name, chosen)

    async def unsubscribe(self, user_id: str, type_name: str) -> None:
        """Nothing of this type from now on. Raises `NotFound`: user, or type."""
        async with self._uow() as tx:
            if await tx.catalogue.type(type_name) is None:
                raise NotFound("type_not_found", f"There is no notification type {type_name!r}.")
        await self._put(user_id, type_name, ())

    async def linked(self, token: str) -> UnsubscribeLink:
        """What an unsubscribe link names. Raises `NotFound("link_not_valid")`."""
        parts = verify_link(self._link_key, token)
        if parts is None or parts[0] != "unsubscribe" or len(parts) not in {3, 4}:
            raise NotFound("link_not_valid", "This link is not valid.")
        _, user_id, type_name, *named = parts
        async with self._uow() as tx:
            kind = await tx.catalogue.type(type_name)
            user = await tx.users.get(user_id)
        link = _named(user_id, kind, named[0] if named else None) if kind else None
        if link is None or (user is None and not link.is_test):
            raise NotFound("link_not_valid", "This link is not valid any more.")
        return link

    async def unsubscribe_by_link(self, token: str, *, everything: bool = False) -> Unsubscribed:
        """What the link names is unsubscribed, or every type the law lets a person refuse; again
        and again it is the same. Raises as `linked` does."""
        link = await self.linked(token)
        if link.is_test:
            return Unsubscribed(link, everything, False, self._undo(link.user_id, {}))
        now = self._clock()
        async with self._uow() as tx:
            await tx.users.lock(link.user_id)
            held = {item.type: item.channels for item in await tx.users.subscriptions(link.user_id)}
            kinds = await tx.catalogue.types() if everything else (link.type,)
            types = [k.type for k in kinds if not (everything and k.legally_transactional)]
            left = [name for name in types if held.get(name) != ()]
            for name in left:
                await tx.users.put_subscription(Subscription(link.user_id, name, (), now))
            if link.campaign is not None:
                await note_unsubscribed(tx, link.campaign, now, changed=bool(left))
            signals = await self._noted(tx, link.user_id) if left else ()
        self._replanning.tell(signals)
        before = {name: held.get(name) or tuple(Channel) for name in left or types[:1]}
        return Unsubscribed(link, everything, bool(left), self._undo(link.user_id, before))

    async def resubscribe_by_link(self, token: str, undo: str) -> UnsubscribeLink:
        """As it was before `unsubscribe_by_link`, which gave `undo`; a type chosen anew since then
        stays as it was chosen. Raises as `linked` does, also for another user's `undo`."""
        link = await self.linked(token)
        if link.is_test:
            return link
        parts = verify_link(self._link_key, undo)
        if parts is None or parts[:2] != ("resubscribe", link.user_id):
            raise NotFound("link_not_valid", "This link is not valid.")
        now = self._clock()
        async with self._uow() as tx:
            await tx.users.lock(link.user_id)
            held = {item.type: item.channels for item in await tx.users.subscriptions(link.user_id)}
            for part in parts[2:]:
                name, _, channels = part.partition("=")
                if held.get(name) == ():
                    chosen = tuple(Channel(channel) for channel in channels.split(","))
                    await tx.users.put_subscription(Subscription(link.user_id, name, chosen, now))
            signals = await self._noted(tx, link.user_id)
        self._replanning.tell(signals)
        return link

    def _undo(self, user_id: str, before: Mapping[str, tuple[Channel, ...]]) -> str:
        parts = (f"{name}={','.join(channels)}" for name, channels in before.items())
        return sign_link(self._link_key, "resubscribe", user_id, *parts)

    async def _noted(self, tx: Transaction, user_id: str) -> Sequence[PendingSignal]:
        return await self._replanning.note(tx, user_id, "subscription")

    async def _put(
        self, user_id: str, type_name: str, channels: tuple[Channel, ...]
    ) -> Subscription:
        subscription = Subscription(user_id, type_name, channels, self._clock())
        async with self._uow() as tx:
            if await tx.users.get(user_id) is None:
                raise user_not_found(user_id)
            await tx.users.put_subscription(subscription)
            signals = await self._noted(tx, user_id)
        self._replanning.tell(signals)
        return subscription


def _named(user_id: str, kind: NotificationType, about: str | None) -> UnsubscribeLink:
    """`about`: a notification's id, or `{campaign}/{ordinal}`."""
    if about is None or "/" not in about:
        return UnsubscribeLink(user_id, kind, UUID(about) if about else None)
    campaign_id, _, ordinal = about.partition("/")
    return UnsubscribeLink(user_id, kind, campaign=LineRef(UUID(campaign_id), int(ordinal)))
