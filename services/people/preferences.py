"""Preferences: merged field by field, where null gives a field its default back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from domain.enums import Channel, ConsentType, DeliveryMode, GateOutcome, Strategy
from domain.errors import FieldError, Invalid, user_not_found
from domain.facts import NotificationFacts, PlanFacts
from domain.ids import new_id
from domain.ports.runtime import Clock
from domain.ports.storage import Transaction, UnitOfWork
from domain.preferences import Preferences
from domain.records.catalogue import NotificationType
from domain.records.events import PendingSignal
from domain.records.people import Subscription
from domain.rules.category import decide_category, delivery_mode
from domain.rules.channel import decide_channel
from domain.rules.consent import decide_consent
from domain.rules.subscription import decide_subscription
from services.catalogue.reading import Catalogue
from services.notifications.replanning import Replanning

_CHOICES = (decide_consent, decide_subscription, decide_category, decide_channel)


@dataclass(frozen=True, slots=True)
class PreferencesView:
    """Preferences with the consents that say what a channel never chosen does."""

    preferences: Preferences
    consents: Mapping[ConsentType, bool]

    def enabled(self, channel: Channel) -> bool:
        """What a person would be shown: SMS that was never chosen is on with its consent only."""
        chosen = self.preferences.channels[channel].enabled
        if chosen is not None:
            return chosen
        return channel is not Channel.SMS or self.consents.get(ConsentType.SMS, False)


@dataclass(frozen=True, slots=True)
class EffectiveChannel:
    enabled: bool
    reason: str


@dataclass(frozen=True, slots=True)
class EffectivePreferences:
    """What a user's choices come to for one type."""

    type: NotificationType
    preferences: Preferences
    timezone: str
    channels: Mapping[Channel, EffectiveChannel]
    delivery: DeliveryMode


class PreferenceService:
    def __init__(
        self, uow: UnitOfWork, catalogue: Catalogue, replanning: Replanning, clock: Clock
    ) -> None:
        self._uow = uow
        self._catalogue = catalogue
        self._replanning = replanning
        self._clock = clock

    async def get(self, user_id: str) -> PreferencesView:
        """Raises `NotFound("user_not_found")`."""
        async with self._uow() as tx:
            return await _view(tx, user_id)

    async def merge(self, user_id: str, change: Mapping[str, Any]) -> PreferencesView:
        """`change` has the wire shape, in either case; what is absent stays. Raises `NotFound`,
        `Invalid("validation_error")` with the fields that are wrong."""
        async with self._uow() as tx:
            await tx.users.lock(user_id)
            before = await _view(tx, user_id)
            merged = merge_preferences(before, change)
            signals = await self._store(tx, merged)
        self._replanning.tell(signals)
        return PreferencesView(merged, before.consents)

    async def reset(self, user_id: str) -> PreferencesView:
        """Everything to its default. Raises `NotFound("user_not_found")`."""
        async with self._uow() as tx:
            await tx.users.lock(user_id)
            before = await _view(tx, user_id)
            fresh = Preferences(user_id=user_id)
            signals = await self._store(tx, fresh)
        self._replanning.tell(signals)
        return PreferencesView(fresh, before.consents)

    async def _store(self, tx: Transaction, merged: Preferences) -> Sequence[PendingSignal]:
        await tx.users.put_preferences(merged, self._clock())
        return await self._replanning.note(tx, merged.user_id, "preferences")

    async def effective(self, user_id: str, type_name: str) -> EffectivePreferences:
        """Raises `NotFound("user_not_found")`, `Invalid("unknown_type")`."""
        kind = await self._catalogue.type(type_name)
        async with self._uow() as tx:
            user = await tx.users.get(user_id)
            if user is None:
                raise user_not_found(user_id)
            view = await _view(tx, user_id)
            subscriptions = await tx.users.subscriptions(user_id)
        timezone = view.preferences.timezone or user.timezone or "UTC"
        facts = self._facts(user_id, kind, view, timezone, _chosen(subscriptions, kind.type))
        category = view.preferences.categories.get(kind.category)
        delivery = delivery_mode(category, kind.digest_rule)
        return EffectivePreferences(
            type=kind,
            preferences=view.preferences,
            timezone=timezone,
            channels={channel: _choice(facts, channel) for channel in Channel},
            delivery=delivery,
        )

    def _facts(
        self,
        user_id: str,
        kind: NotificationType,
        view: PreferencesView,
        timezone: str,
        subscription: frozenset[Channel] | None,
    ) -> PlanFacts:
        return PlanFacts(
            notification=NotificationFacts(
                id=new_id(),
                user_id=user_id,
                type=kind.type,
                category=kind.category,
                priority=kind.default_priority,
                strategy=Strategy.ALL,
                channels=tuple(Channel),
                accepted_at=self._clock(),
                legally_transactional=kind.legally_transactional,
                required_consent=kind.required_consent,
            ),
            preferences=view.preferences,
            timezone=timezone,
            consents=view.consents,
            subscription=subscription,
        )


def merge_preferences(before: PreferencesView, change: Mapping[str, Any]) -> Preferences:
    """Pure: the preferences with the change in them. Raises `Invalid("validation_error")`."""
    user_id = before.preferences.user_id
    wanted = _camel(change)
    if wanted.pop("userId", user_id) != user_id:
        problem = FieldError("userId", "user_mismatch", "Not the user of this address.")
        raise Invalid("validation_error", problem.detail, errors=(problem,))
    _drop_unchosen(wanted, before)
    current = before.preferences.model_dump(mode="json", by_alias=True)
    try:
        return Preferences.model_validate(_merged(current, wanted))
    except ValidationError as error:
        raise _invalid(error) from error


def _drop_unchosen(wanted: dict[str, Any], before: PreferencesView) -> None:
    """A channel handed back as it was shown, `chosen: false`, stays never chosen."""
    channels = wanted.get("channels")
    if not isinstance(channels, dict):
        return
    for name, given in list(channels.items()):
        if not isinstance(given, dict) or name not in set(Channel):
            continue
        chosen = given.pop("chosen", True)
        unchanged = given.get("enabled") is before.enabled(Channel(name))
        if chosen is False and unchanged:
            given["enabled"] = None


def _merged(current: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(current)
    for name, value in change.items():
        held = result.get(name)
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            result[name] = _merged(held if isinstance(held, dict) else {}, value)
        else:
            result[name] = value
    return result


def _camel(value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        to_camel(name) if "_" in name else name: _camel(item) if isinstance(item, dict) else item
        for name, item in value.items()
    }


def _invalid(error: ValidationError) -> Invalid:
    problems = tuple(
        FieldError(
            ".".join(str(part) for part in item["loc"] if part != "[key]"),
            "unknown_field" if item["type"] == "extra_forbidden" else item["type"],
            item["msg"].removeprefix("Value error, "),
        )
        for item in error.errors(include_url=False, include_input=False)
    )
    return Invalid("validation_error", "The preferences are not valid.", errors=problems)


async def _view(tx: Transaction, user_id: str) -> PreferencesView:
    preferences = await tx.users.preferences(user_id)
    consents = await tx.users.consents(user_id)
    return PreferencesView(preferences, {item.type: item.granted for item in consents})


def _chosen(subscriptions: tuple[Subscription, ...], type_name: str) -> frozenset[Channel] | None:
    for item in subscriptions:
        if item.type == type_name:
            return frozenset(item.channels)
    return None


def _choice(facts: PlanFacts, channel: Channel) -> EffectiveChannel:
    """The first of the user's choices that stands in the way, or the last that lets it pass."""
    reason = ""
    for decide in _CHOICES:
        decision = decide(facts, channel)
        reason = str(decision.reason)
        if decision.outcome is not GateOutcome.ALLOW:
            return EffectiveChannel(False, reason)
    return EffectiveChannel(True, reason)
