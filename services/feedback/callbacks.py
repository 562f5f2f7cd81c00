"""Providers' callbacks: verified, kept as they came, answered, and then applied.

The request only keeps the callback; what it says is applied right afterwards by the same process,
or, if that process died, by the relay of any other. Its effects and the mark that says so are one
transaction, and none of the effects is undone or doubled by a repeat, so that callbacks may come in
any order and any number of times. One that overtakes the record of its own send is tried again
for a quarter of an hour.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from domain.callbacks import Callback, Reply
from domain.errors import HeraldError, Invalid, NotFound, Unavailable
from domain.ids import new_id
from domain.paging import Page, PageRequest
from domain.ports.callbacks import CallbackFilter, CallbackStatus, StoredCallback
from domain.ports.providers import Provider
from domain.ports.runtime import Clock
from domain.ports.storage import UnitOfWork
from domain.records.operations import AuditEntry
from services.feedback.effects import CallbackEffects

AGAIN_AFTER: Final = (
    timedelta(seconds=1),
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
)
"""When a callback that could not be applied is tried again, after the first try and each later
one. Long enough for a send whose answer is being waited for; the last doubt is then settled."""
KEPT_FOR: Final = timedelta(days=30)
BATCH: Final = 100
AT_ONCE: Final = 4
_FORGET_BATCH: Final = 5_000

log = logging.getLogger(__name__)


class HandOver(Protocol):
    """Where a kept callback goes to be applied in the background."""

    def __call__(self, callback_id: UUID) -> None: ...


class CallbackService:
    def __init__(
        self,
        uow: UnitOfWork,
        providers: Mapping[str, Provider],
        effects: CallbackEffects,
        hand_over: HandOver,
        clock: Clock,
    ) -> None:
        self._uow = uow
        self._providers = providers
        self._effects = effects
        self._hand_over = hand_over
        self._clock = clock

    async def receive(
        self,
        provider_name: str,
        headers: Mapping[str, str],
        body: bytes,
        url: str,
    ) -> UUID | None:
        """Verifies and keeps a callback. Its id; None for a body this provider had sent before,
        or a reply it had told of, when nothing happens. Raises `NotFound("provider_not_found")`;
        `Unauthorized` for a bad or stale signature, and nothing is kept;
        `Invalid("invalid_webhook")` for a verified body that cannot be read, which is kept as
        `failed`, to be replayed once it can."""
        provider = self._providers.get(provider_name)
        if provider is None:
            raise NotFound("provider_not_found", f"There is no provider {provider_name!r}.")
        await provider.verify_webhook(headers, body, url)
        callback = StoredCallback(
            id=new_id(),
            provider=provider.name,
            status=CallbackStatus.RECEIVED,
            attempts=1,
            received_at=self._clock(),
            body=body,
        )
        try:
            said = provider.parse_webhook(body)
        except Invalid as error:
            await self._keep_unread(callback, error.code)
            raise
        async with self._uow() as tx:
            is_new = await tx.callbacks.add(callback, _reply_id(said))
        if not is_new:
            return None
        self._hand_over(callback.id)
        return callback.id

    async def run_once(self) -> int:
        """Applies what nobody has applied yet and is due. Returns how many it tried. Raises
        `Unavailable`."""
        async with self._uow() as tx:
            due = await tx.callbacks.claim(self._clock(), AGAIN_AFTER, BATCH)
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(callback_id: UUID) -> None:
            async with gate:
                await self.apply(callback_id)

        ends = await asyncio.gather(
            *(one(callback_id) for callback_id in due), return_exceptions=True
        )
        for end in ends:
            if isinstance(end, BaseException):
                raise end
        return len(due)

    async def apply(self, callback_id: UUID) -> None:
        """Applies one that waits; one that was applied, or is being applied elsewhere, is left
        alone. What goes wrong is noted with the callback, which is tried again later; only
        `Unavailable` is raised."""
        async with self._uow() as tx:
            stored = await tx.callbacks.get(callback_id)
        if stored is None or stored.status is not CallbackStatus.RECEIVED:
            return
        try:
            await self._apply(stored)
        except Unavailable:
            raise
        except Exception as error:
            code = error.code if isinstance(error, HeraldError) else type(error).__name__
            log.warning(
                "callback.not_applied",
                extra={"callback_id": str(callback_id), "error": code},
                exc_info=True,
            )
            await self._put_off(stored, CallbackStatus.FAILED, code)

    async def replay(self, callback_id: UUID, actor: str) -> StoredCallback:
        """Applies one again, now. Raises `NotFound("callback_not_found")`."""
        now = self._clock()
        async with self._uow() as tx:
            if not await tx.callbacks.reopen(callback_id, now):
                raise _not_found(callback_id)
            await tx.operations.audit(
                AuditEntry(now, actor, "callback.replayed", f"callback:{callback_id}")
            )
        await self.apply(callback_id)
        async with self._uow() as tx:
            stored = await tx.callbacks.get(callback_id)
        if stored is None:
            raise _not_found(callback_id)
        return stored

    async def list(self, where: CallbackFilter, page: PageRequest) -> Page[StoredCallback]:
        """Newest first, without bodies."""
        async with self._uow() as tx:
            return await tx.callbacks.list(where, page)

    async def forget_callbacks(self, before: datetime) -> int:
        """Deletes those received before that instant, some at a time. Returns how many."""
        total = 0
        while True:
            async with self._uow() as tx:
                done = await tx.callbacks.forget(before, _FORGET_BATCH)
            total += done
            if done < _FORGET_BATCH:
                return total

    async def _keep_unread(self, callback: StoredCallback, code: str) -> None:
        async with self._uow() as tx:
            await tx.callbacks.add(replace(callback, status=CallbackStatus.FAILED, error=code))

    async def _apply(self, stored: StoredCallback) -> None:
        provider = self._providers.get(stored.provider)
        if provider is None:
            raise NotFound("provider_not_found", f"There is no provider {stored.provider!r}.")
        if stored.body is None:
            raise Invalid("unreadable_body", "The body was sealed with a key that is gone.")
        said = provider.parse_webhook(stored.body)
        await self._effects.confirm(provider, said)
        async with self._uow() as tx:
            if not await tx.callbacks.hold(stored.id):
                return
            done = await self._effects.apply(
                tx,
                provider.name,
                said,
                received_at=stored.received_at,
                repeated=stored.applied_at is not None,
            )
            if done.unknown and self._may_try_again(stored):
                status = None
            elif done.unknown and not done.known:
                status = CallbackStatus.IGNORED
            else:
                status = CallbackStatus.APPLIED
            if status is not None:
                error = "unknown_message" if done.unknown else None
                await tx.callbacks.finish(stored.id, status, error, self._clock())
        self._effects.tell(done)
        await self._effects.answer(provider, done)

    async def _put_off(self, stored: StoredCallback, last: CallbackStatus, code: str) -> None:
        """Leaves it to be tried again and notes why, or ends it as `last` after the last try."""
        status = CallbackStatus.RECEIVED if self._may_try_again(stored) else last
        async with self._uow() as tx:
            if await tx.callbacks.hold(stored.id):
                await tx.callbacks.finish(stored.id, status, code, self._clock())

    def _may_try_again(self, stored: StoredCallback) -> bool:
        return stored.attempts <= len(AGAIN_AFTER)


def _reply_id(said: Sequence[Callback]) -> str | None:
    """Of a reply, which the same text told in another form must not repeat: a vendor that gives
    no time would have an old STOP silence a number that has asked for messages since."""
    only = said[0] if len(said) == 1 else None
    return only.message_id if isinstance(only, Reply) else None


def _not_found(callback_id: UUID) -> NotFound:
    return NotFound("callback_not_found", f"There is no callback {callback_id}.")
