"""A campaign's email to a few addresses, for those who made it. Nothing of it is counted."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from domain.campaigns.ids import TEST_ORDINAL
from domain.campaigns.records import Campaign
from domain.enums import Channel
from domain.errors import Conflict, Invalid, NotFound
from domain.ids import new_id
from domain.ports.campaigns import ChunkLine
from domain.ports.providers import Accepted, SendOutcome
from domain.ports.runtime import Clock, RenderProblem
from domain.ports.storage import UnitOfWork
from domain.preferences import Preferences
from domain.records.people import User
from services.campaigns.checks import CampaignChecks
from services.campaigns.links import CampaignLinks
from services.campaigns.words import CampaignComposer, Edition
from services.catalogue.templates import PREVIEW_USER
from services.delivery.routing import ProviderDirectory


@dataclass(frozen=True, slots=True)
class TestMessage:
    address: str
    variant: str | None
    provider: str | None
    provider_message_id: str | None
    error: tuple[str, str] | None = None


class CampaignTestSend:
    def __init__(
        self,
        uow: UnitOfWork,
        checks: CampaignChecks,
        composer: CampaignComposer,
        providers: ProviderDirectory,
        clock: Clock,
    ) -> None:
        self._uow = uow
        self._checks = checks
        self._composer = composer
        self._providers = providers
        self._clock = clock

    async def send(
        self, campaign_id: UUID, addresses: Sequence[str], user_id: str | None
    ) -> tuple[TestMessage, ...]:
        """Every variant to every address, written as for `user_id`, or for an example. Raises
        `NotFound`, `Conflict("campaign_without_email")`, `Invalid` for what cannot be rendered. A
        suppressed address gets nothing."""
        async with self._uow() as tx:
            campaign = await tx.campaigns.get(campaign_id)
            user = await tx.users.get(user_id) if user_id else None
        if campaign is None:
            raise NotFound("campaign_not_found", f"There is no campaign {campaign_id}.")
        if user_id is not None and user is None:
            raise NotFound("user_not_found", f"There is no user {user_id}.")
        if Channel.EMAIL not in campaign.channels:
            raise Conflict("campaign_without_email", "Only emails can be sent as a test.")
        versions = campaign.template_versions or await self._checks.pinned(campaign)
        edition = await self._composer.edition(replace(campaign, template_versions=versions))
        edition = replace(edition, links=_TestLinks(edition.links))
        suppressed = await self._suppressed(addresses)
        places = range(len(campaign.test.variants)) if campaign.test else (None,)
        return tuple(
            [
                _refused(campaign, address, place, suppressed[address])
                if address in suppressed
                else await self._one(edition, address, place, user or self._example())
                for address in addresses
                for place in places
            ]
        )

    async def _suppressed(self, addresses: Sequence[str]) -> dict[str, str]:
        """Address → why nothing is sent to it."""
        async with self._uow() as tx:
            found = {
                address: await tx.operations.suppression(Channel.EMAIL, address, self._clock())
                for address in addresses
            }
        return {address: held.reason for address, held in found.items() if held is not None}

    async def _one(
        self, edition: Edition, address: str, place: int | None, user: User
    ) -> TestMessage:
        line = ChunkLine(
            ordinal=TEST_ORDINAL,
            channel=Channel.EMAIL,
            user=user,
            preferences=Preferences(user_id=user.id),
            consents={},
            subscription=None,
            reach={},
            variant=place,
            failures=0,
        )
        try:
            message = edition.to(line, address, self._clock())
        except RenderProblem as problem:
            raise Invalid(problem.code, problem.detail) from problem
        subject = f"[Test] {message.message.subject or edition.campaign.name}"
        words = replace(message.message, subject=subject)
        provider = self._providers.ordered(Channel.EMAIL)[0]
        outcome = await provider.send(replace(message, delivery_id=new_id(), message=words))
        return _told(edition.campaign, address, place, provider.name, outcome)

    def _example(self) -> User:
        given: dict[str, Any] = dict(PREVIEW_USER)
        return User(created_at=self._clock(), updated_at=self._clock(), **given)


@dataclass(frozen=True, slots=True)
class _TestLinks:
    """A campaign's, but for what would let whoever gets the test see or change how the user it is
    written for chose."""

    links: CampaignLinks

    def preferences(self, _user_id: str) -> str:
        return self.links.preferences(str(PREVIEW_USER["id"]))

    def campaign_unsubscribe(
        self, _user_id: str, type_name: str, campaign_id: UUID, ordinal: int
    ) -> str:
        user_id = str(PREVIEW_USER["id"])
        return self.links.campaign_unsubscribe(user_id, type_name, campaign_id, ordinal)

    def campaign_recipient(self, campaign_id: UUID, ordinal: int) -> str:
        return self.links.campaign_recipient(campaign_id, ordinal)

    def campaign_opened(self, recipient: str) -> str:
        return self.links.campaign_opened(recipient)

    def campaign_clicked(self, recipient: str, campaign_id: UUID, url: str) -> str:
        return self.links.campaign_clicked(recipient, campaign_id, url)

    def is_own(self, url: str) -> bool:
        return self.links.is_own(url)


def _variant(campaign: Campaign, place: int | None) -> str | None:
    return campaign.test.variants[place].name if campaign.test and place is not None else None


def _refused(campaign: Campaign, address: str, place: int | None, reason: str) -> TestMessage:
    detail = f"Nothing is sent to this address: {reason}."
    return TestMessage(
        address, _variant(campaign, place), None, None, ("address_suppressed", detail)
    )


def _told(
    campaign: Campaign, address: str, place: int | None, provider: str, outcome: SendOutcome
) -> TestMessage:
    variant = _variant(campaign, place)
    if isinstance(outcome, Accepted):
        return TestMessage(address, variant, provider, outcome.provider_message_id)
    return TestMessage(address, variant, provider, None, (outcome.code, outcome.message))
