"""Audiences and uploaded lists as the services see them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol
from uuid import UUID

from domain.audience.shapes import Audience, AudienceList, AudienceMember
from domain.paging import Page, PageRequest


class AudienceRepository(Protocol):
    """Only users who were not erased belong to an audience; a list that is not there is empty."""

    async def count(self, audience: Audience) -> int: ...

    async def sample(self, audience: Audience, size: int) -> tuple[AudienceMember, ...]:
        """Some of its users, picked without favour; the same ones while the audience is the
        same."""

    async def belongs(self, audience: Audience, user_ids: Collection[str]) -> frozenset[str]:
        """Those of these users that are in the audience. Quick for a few users."""


class AudienceListRepository(Protocol):
    async def insert(self, item: AudienceList) -> None: ...

    async def known(self, user_ids: Sequence[str]) -> frozenset[str]:
        """Those of the ids that users have."""

    async def owners(self, emails: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """The users of each lower-case address; an address nobody has is absent."""

    async def add(self, list_id: UUID, user_ids: Sequence[str]) -> int:
        """How many were not in the list before."""

    async def set_counts(self, item: AudienceList) -> None:
        """Keeps the counts of the upload."""

    async def get(self, list_id: UUID) -> AudienceList | None: ...

    async def list(self, page: PageRequest) -> Page[AudienceList]: ...

    async def delete(self, list_id: UUID) -> bool: ...
