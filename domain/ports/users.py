"""Users in the database, and what they chose."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.enums import ConsentType
from domain.paging import Page, PageRequest
from domain.preferences import Preferences
from domain.records.people import Consent, Subscription, User


class UserRepository(Protocol):
    async def put(self, user: User) -> User:
        """Inserts or replaces; a new user gets a data key. Keeps `created_at`."""

    async def get(self, user_id: str) -> User | None: ...

    async def list(self, page: PageRequest) -> Page[User]: ...

    async def delete(self, user_id: str) -> bool:
        """Destroys the user's data key and every row that names the user's addresses.
        Notifications stay as bare, unreadable lines for the accounts."""

    async def lock(self, user_id: str) -> None:
        """Makes other changes of this user's choices wait until the transaction ends."""

    async def preferences(self, user_id: str) -> Preferences:
        """Stored choices or the defaults. Raises `NotFound("user_not_found")`."""

    async def put_preferences(self, preferences: Preferences, at: datetime) -> None: ...

    async def consents(self, user_id: str) -> tuple[Consent, ...]: ...

    async def put_consent(self, consent: Consent) -> None:
        """Stores the present answer and appends it to the consent history."""

    async def consent_history(
        self, user_id: str, consent: ConsentType, page: PageRequest
    ) -> Page[Consent]:
        """Every answer ever given, the newest first."""

    async def subscriptions(self, user_id: str) -> tuple[Subscription, ...]: ...

    async def put_subscription(self, subscription: Subscription) -> None: ...

    async def open_notifications(self, user_id: str) -> tuple[tuple[UUID, int], ...]:
        """(id, redrives) of the user's notifications that wait and may have to be planned anew."""
