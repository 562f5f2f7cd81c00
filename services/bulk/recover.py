"""What a batch left in doubt: intents whose results nobody recorded.

Messages that went together go together once more, with the same words under the same key, so that
their provider recognises the call. The words are those that were kept: what a user changed since
must not make it another call.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from domain.content import RenderedMessage
from domain.enums import Channel
from domain.ports.bulk import BatchIntent, BulkTransaction, BulkUnitOfWork
from domain.ports.deliveries import DeliveryJob
from domain.ports.messages import EmailRecord
from domain.ports.runtime import Clock, RenderProblem
from domain.records.notifications import Delivery
from services.bulk.prepare import Item, Prepared
from services.delivery.attempt import Try
from services.delivery.craft import Crafted, MessageCraft
from services.delivery.deliver import into_inbox
from services.delivery.message import MessageComposer
from services.delivery.routing import PAUSE_CHECK, Routing, Way

_NOTHING = Crafted(RenderedMessage())


class BulkRecovery:
    def __init__(
        self,
        uow: BulkUnitOfWork,
        routing: Routing,
        composer: MessageComposer,
        craft: MessageCraft,
        clock: Clock,
    ) -> None:
        self._uow = uow
        self._routing = routing
        self._composer = composer
        self._craft = craft
        self._clock = clock

    async def recover(self, notification_ids: Sequence[UUID], now: datetime) -> Prepared:
        """Everything in doubt, to be settled. What an operator paused waits until that is over."""
        async with self._uow() as tx:
            lines = await tx.bulk_deliveries.in_doubt(notification_ids)
            if not lines:
                return Prepared()
            channels = {line.notification_id: line.channel for line in lines}
            jobs = await tx.bulk_deliveries.load_jobs(channels)
            if any(f"channel:{channels[id_]}" in job.paused for id_, job in jobs.items()):
                return Prepared(rests=[PAUSE_CHECK])
            together = [line.notification_id for line in lines if line.batch_key != line.id]
            kept = await tx.bulk_deliveries.kept_emails(together)
            named = {line.id: (line, jobs[line.notification_id]) for line in lines}
            tries = {
                line.id: await self._again(tx, line, job, kept) for line, job in named.values()
            }
            intents = await tx.bulk_deliveries.write_intents(
                [BatchIntent(line.id, line.provider or "", line.id) for line in lines], now
            )
        items = []
        for intent in intents:
            crafted, way = tries[intent.delivery.id]
            job = named[intent.delivery.id][1]
            target = next((t for t in job.targets if t.key == intent.delivery.target), None)
            items.append(Item(job, crafted, Try(intent, target, way)))
        return Prepared(items)

    async def _again(
        self,
        tx: BulkTransaction,
        line: Delivery,
        job: DeliveryJob,
        kept: Mapping[UUID, EmailRecord],
    ) -> tuple[Crafted, Way | None]:
        """The message as it was, and its provider; without one it stays unknown."""
        target = next((t for t in job.targets if t.key == line.target), None)
        way = await self._routing.direct(job, line, target)
        if not isinstance(way, Way):
            return _NOTHING, None
        if line.batch_key != line.id:
            email = kept.get(line.notification_id)
            return (_as_kept(email), way) if email else (_NOTHING, None)
        try:
            words = await self._composer.render(job, line.channel)
        except RenderProblem:
            return _NOTHING, None
        crafted = await self._craft.finish(tx, job, line.channel, words)
        if line.channel is Channel.WEBSOCKET:
            crafted = Crafted(await into_inbox(tx, job, crafted.message, self._clock()))
        return crafted, way


def _as_kept(email: EmailRecord) -> Crafted:
    return Crafted(RenderedMessage(subject=email.subject, html=email.html, text=email.text))
