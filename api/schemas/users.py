"""Users, devices, tokens, subscriptions, consents."""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import EmailStr, Field, JsonValue

from api.schemas.common import Locale
from domain.base import Instant, TypeName, Wire
from domain.commands import ChannelList
from domain.countries import CountryCode
from domain.enums import Channel, ConsentType, Platform, PushVendor
from domain.preferences import ZoneName
from domain.records.people import Consent, Device, Subscription, User
from services.access.tokens import LIFETIME, LONGEST, UserToken
from services.people.devices import DeviceDetails
from services.people.users import UserProfile

DeviceToken = Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[!-~]+$")]


class UserIn(Wire):
    """A profile. `PUT` replaces: what is absent is forgotten."""

    email: Annotated[EmailStr, Field(max_length=254)] | None = None
    email_verified: bool = False
    phone: Annotated[str, Field(min_length=1, max_length=40)] | None = Field(
        default=None, description="E.164, or the national form of `country`."
    )
    name: Annotated[str, Field(max_length=255)] | None = None
    locale: Locale | None = None
    timezone: ZoneName | None = None
    country: CountryCode | None = None
    attributes: dict[str, JsonValue] = Field(default_factory=dict)

    def profile(self) -> UserProfile:
        return UserProfile(**dict(self))


class UserOut(Wire):
    id: str
    email: str | None
    email_verified: bool
    phone: str | None
    name: str | None
    locale: str | None
    timezone: str | None
    country: str | None
    attributes: dict[str, JsonValue]
    created_at: datetime
    updated_at: datetime

    @staticmethod
    def of(user: User) -> "UserOut":
        return UserOut(
            id=user.id,
            email=user.email,
            email_verified=user.email_verified,
            phone=user.phone,
            name=user.name,
            locale=user.locale,
            timezone=user.timezone,
            country=user.country,
            attributes=dict(user.attributes),
            created_at=user.created_at,
            updated_at=user.updated_at,
        )


class DeviceIn(Wire):
    token: DeviceToken
    platform: Platform
    provider: PushVendor = PushVendor.FIREBASE
    app_version: Annotated[str, Field(max_length=50)] | None = None
    locale: Locale | None = None

    def details(self) -> DeviceDetails:
        return DeviceDetails(**dict(self))


class DeviceChangeIn(Wire):
    """`token` is the new one when the vendor gave the device another."""

    token: DeviceToken | None = None
    platform: Platform
    provider: PushVendor = PushVendor.FIREBASE
    app_version: Annotated[str, Field(max_length=50)] | None = None
    locale: Locale | None = None

    def details(self, known_token: str) -> DeviceDetails:
        return DeviceDetails(**{**dict(self), "token": self.token or known_token})


class DeviceOut(Wire):
    token: str
    platform: Platform
    provider: PushVendor
    app_version: str | None
    locale: str | None
    created_at: datetime
    last_seen_at: datetime

    @staticmethod
    def of(device: Device) -> "DeviceOut":
        return DeviceOut(
            token=device.token,
            platform=device.platform,
            provider=device.provider,
            app_version=device.app_version,
            locale=device.locale,
            created_at=device.created_at,
            last_seen_at=device.last_seen_at,
        )


class TokenIn(Wire):
    expires_in: Annotated[timedelta, Field(gt=timedelta(0), le=LONGEST)] = Field(
        default=LIFETIME, description="ISO 8601, such as `PT15M`; a day at most."
    )


class TokenOut(Wire):
    token: str
    user_id: str
    expires_at: datetime

    @staticmethod
    def of(token: UserToken) -> "TokenOut":
        return TokenOut(token=token.token, user_id=token.user_id, expires_at=token.expires_at)


class SubscriptionIn(Wire):
    type: TypeName
    channels: ChannelList | None = Field(
        default=None, description="The type's own channels when absent."
    )


class SubscriptionOut(Wire):
    """No channels: unsubscribed."""

    type: str
    channels: list[Channel]
    updated_at: datetime

    @staticmethod
    def of(item: Subscription) -> "SubscriptionOut":
        return SubscriptionOut(
            type=item.type, channels=list(item.channels), updated_at=item.updated_at
        )


class ConsentIn(Wire):
    granted: bool
    source: Annotated[str, Field(min_length=1, max_length=255)] = Field(
        default="api", description="Where the answer was given."
    )
    text: Annotated[str, Field(max_length=10_000)] | None = Field(
        default=None, description="What the user was shown."
    )
    at: Instant | None = Field(default=None, description="When; now if absent.")


class ConsentOut(Wire):
    type: ConsentType
    granted: bool
    source: str
    text: str | None
    at: datetime

    @staticmethod
    def of(consent: Consent) -> "ConsentOut":
        return ConsentOut(
            type=consent.type,
            granted=consent.granted,
            source=consent.source,
            text=consent.text,
            at=consent.at,
        )
