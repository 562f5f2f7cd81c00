"""Consents: each answer with where it came from and what was asked, and every earlier one."""

from datetime import datetime

from domain.enums import ConsentType
from domain.errors import NotFound, user_not_found
from domain.paging import Page, PageRequest
from domain.ports.runtime import Clock
from domain.ports.storage import UnitOfWork
from domain.records.people import Consent
from services.notifications.replanning import Replanning


class ConsentService:
    def __init__(self, uow: UnitOfWork, replanning: Replanning, clock: Clock) -> None:
        self._uow = uow
        self._replanning = replanning
        self._clock = clock

    async def list(self, user_id: str) -> tuple[Consent, ...]:
        """The present answers. Raises `NotFound("user_not_found")`."""
        async with self._uow() as tx:
            if await tx.users.get(user_id) is None:
                raise user_not_found(user_id)
            return await tx.users.consents(user_id)

    async def get(self, user_id: str, consent: ConsentType) -> Consent:
        """Raises `NotFound`, also `consent_not_found` for one that was never asked."""
        for answer in await self.list(user_id):
            if answer.type is consent:
                return answer
        raise NotFound("consent_not_found", f"This user was never asked for {consent}.")

    async def history(self, user_id: str, consent: ConsentType, page: PageRequest) -> Page[Consent]:
        """Every answer to this consent with its source, words and time, the newest first. Raises
        `NotFound("user_not_found")`."""
        async with self._uow() as tx:
            if await tx.users.get(user_id) is None:
                raise user_not_found(user_id)
            return await tx.users.consent_history(user_id, consent, page)

    async def put(
        self,
        user_id: str,
        consent: ConsentType,
        *,
        granted: bool,
        source: str,
        text: str | None,
        at: datetime | None,
    ) -> Consent:
        """Records an answer; waiting notifications are planned anew. Raises `NotFound`."""
        answer = Consent(user_id, consent, granted, source, text, at or self._clock())
        async with self._uow() as tx:
            if await tx.users.get(user_id) is None:
                raise user_not_found(user_id)
            await tx.users.put_consent(answer)
            signals = await self._replanning.note(tx, user_id, "consent")
        self._replanning.tell(signals)
        return answer
