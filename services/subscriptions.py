"""Subscriptions: the channels a user chose for a type, or none at all."""

from collections.abc import Sequence

from domain.enums import Channel
from domain.errors import NotFound
from domain.ports.runtime import Clock
from domain.ports.storage import UnitOfWork
from domain.records import NotificationType, Subscription
from domain.signing import verify_link
from services.catalogue import Catalogue
from services.replanning import Replanning
from services.tokens import no_user


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
                raise no_user(user_id)
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

    async def linked(self, token: str) -> tuple[str, NotificationType]:
        """The user and the type an unsubscribe link names. Raises `NotFound("link_not_valid")`."""
        parts = verify_link(self._link_key, token)
        if parts is None or len(parts) != 3 or parts[0] != "unsubscribe":
            raise NotFound("link_not_valid", "This link is not valid.")
        _, user_id, type_name = parts
        async with self._uow() as tx:
            kind = await tx.catalogue.type(type_name)
            user = await tx.users.get(user_id)
        if kind is None or user is None:
            raise NotFound("link_not_valid", "This link is not valid any more.")
        return user_id, kind

    async def unsubscribe_by_link(self, token: str) -> NotificationType:
        """What the link names is unsubscribed; again and again it is the same. Raises as
        `linked` does."""
        user_id, kind = await self.linked(token)
        await self._put(user_id, kind.type, ())
        return kind

    async def _put(
        self, user_id: str, type_name: str, channels: tuple[Channel, ...]
    ) -> Subscription:
        subscription = Subscription(user_id, type_name, channels, self._clock())
        async with self._uow() as tx:
            if await tx.users.get(user_id) is None:
                raise no_user(user_id)
            await tx.users.put_subscription(subscription)
            signals = await self._replanning.note(tx, user_id, "subscription")
        self._replanning.tell(signals)
        return subscription
