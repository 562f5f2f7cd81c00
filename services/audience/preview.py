"""Audiences before anything is sent: how many they are, and who, for example."""

from dataclasses import dataclass
from typing import Final

from domain.audience.shapes import Audience, AudienceMember
from domain.errors import FieldError, Invalid
from domain.ports.storage import Transaction, UnitOfWork

SAMPLE: Final = 10


@dataclass(frozen=True, slots=True)
class AudiencePreview:
    count: int
    sample: tuple[AudienceMember, ...]


class AudienceService:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def preview(self, audience: Audience) -> AudiencePreview:
        """Raises `Invalid("unknown_audience_list")`."""
        async with self._uow() as tx:
            await require_list(tx, audience)
            count = await tx.audiences.count(audience)
            sample = await tx.audiences.sample(audience, SAMPLE)
        return AudiencePreview(count, sample)


async def require_list(tx: Transaction, audience: Audience) -> None:
    """Raises `Invalid("unknown_audience_list")` for an audience whose list is not there."""
    if audience.list_id is None or await tx.audience_lists.get(audience.list_id) is not None:
        return
    problem = FieldError("audience.list", "unknown_audience_list", "There is no such list.")
    raise Invalid(problem.code, problem.detail, errors=(problem,))
