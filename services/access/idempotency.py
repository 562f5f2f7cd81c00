"""Idempotency keys for calls whose answer is stored: run once, answer the same for a day."""

from domain.errors import Conflict, FieldError, Invalid
from domain.ports.idempotency import StoredResponse
from domain.ports.runtime import Clock
from domain.ports.storage import UnitOfWork
from services.notifications.accept import IdempotencyClaim


class IdempotencyService:
    def __init__(self, uow: UnitOfWork, clock: Clock) -> None:
        self._uow = uow
        self._clock = clock

    async def claim(self, claim: IdempotencyClaim) -> StoredResponse | None:
        """None: the caller is to run, then `complete` or `release`. Else the answer of the first
        call. Raises `Conflict("idempotency_in_flight")`, `Invalid("idempotency_key_reused")`."""
        async with self._uow() as tx:
            held = await tx.idempotency.claim(
                scope=claim.scope,
                key=claim.key,
                body_hash=claim.body_hash,
                now=self._clock(),
                resource_id=None,
            )
        if held is None:
            return None
        if held.body_hash != claim.body_hash:
            problem = FieldError(
                "Idempotency-Key", "idempotency_key_reused", "This key was used with another body."
            )
            raise Invalid(problem.code, problem.detail, errors=(problem,))
        if held.response is None:
            raise Conflict(
                "idempotency_in_flight", "The first call with this key is still running."
            )
        return held.response

    async def complete(self, claim: IdempotencyClaim, response: StoredResponse) -> None:
        async with self._uow() as tx:
            await tx.idempotency.complete(scope=claim.scope, key=claim.key, response=response)

    async def release(self, claim: IdempotencyClaim) -> None:
        """The call failed and changed nothing: the key is free again."""
        async with self._uow() as tx:
            await tx.idempotency.release(scope=claim.scope, key=claim.key)
