"""Every setting of Herald, in one place, read from the environment and nowhere else.

Names are upper case. Those of the vendors are the vendors' own; the rest begin with HERALD_.
`python -m runtime.settings` prints `.env.example`.
"""

import base64
from datetime import timedelta
from decimal import Decimal
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from domain.enums import Channel
from domain.sms.limits import NumberLimit
from domain.sms.pricing import PriceBook, list_prices

DEVELOPMENT_KEY = base64.b64encode(b"herald development key, not safe").decode()


class Settings(BaseSettings):
    """All settings with their defaults; a production start refuses the development secrets."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", populate_by_name=True)

    environment: Annotated[
        str,
        Field(
            alias="HERALD_ENVIRONMENT",
            pattern="^(development|production)$",
            description="`production` refuses to start with development secrets.",
        ),
    ] = "development"
    port: Annotated[int, Field(alias="HERALD_PORT", description="The API's port.")] = 8000
    host: Annotated[
        str, Field(alias="HERALD_HOST", description="The address the API listens on.")
    ] = "127.0.0.1"
    public_url: Annotated[
        str,
        Field(
            alias="HERALD_PUBLIC_URL",
            description="Where people and vendors reach the API; links and callbacks use it.",
        ),
    ] = "http://127.0.0.1:8000"
    api_key: Annotated[
        SecretStr | None,
        Field(alias="HERALD_API_KEY", description="The first API key, with every scope."),
    ] = None
    master_keys: Annotated[
        SecretStr,
        Field(
            alias="HERALD_MASTER_KEY",
            description="Wraps the users' data keys: base64 of 32 bytes. To rotate, put the new "
            "key first and keep the old ones after it, comma separated.",
        ),
    ] = SecretStr(DEVELOPMENT_KEY)
    token_secret: Annotated[
        SecretStr,
        Field(alias="HERALD_TOKEN_SECRET", description="Signs user tokens and links."),
    ] = SecretStr("herald-development-token-secret-not-safe")

    database_url: Annotated[
        SecretStr,
        Field(alias="DATABASE_URL", description="PostgreSQL, `postgresql://user:pw@host/name`."),
    ] = SecretStr("postgresql://herald:herald@127.0.0.1:5432/herald")
    database_pool: Annotated[
        int,
        Field(alias="HERALD_DATABASE_POOL", ge=1, description="Connections each process keeps."),
    ] = 20
    redis_url: Annotated[
        SecretStr,
        Field(alias="REDIS_URL", description="Valkey or Redis: caches, quotas, live inbox."),
    ] = SecretStr("redis://127.0.0.1:6379/0")
    temporal_address: Annotated[
        str, Field(alias="TEMPORAL_ADDRESS", description="The Temporal frontend, `host:port`.")
    ] = "127.0.0.1:7233"
    temporal_namespace: Annotated[
        str, Field(alias="TEMPORAL_NAMESPACE", description="The namespace workflows live in.")
    ] = "herald"
    temporal_ui_url: Annotated[
        str | None,
        Field(alias="TEMPORAL_UI_URL", description="The Web UI, for links to workflows."),
    ] = None
    outbox_url: Annotated[
        str | None,
        Field(alias="HERALD_OUTBOX_URL", description="The sandbox's outbox page, for links."),
    ] = None

    resend_api_key: Annotated[
        SecretStr | None, Field(alias="RESEND_API_KEY", description="Resend: email.")
    ] = None
    resend_api_url: Annotated[
        str, Field(alias="RESEND_API_URL", description="Another server with Resend's API.")
    ] = "https://api.resend.com"
    resend_webhook_secret: Annotated[
        SecretStr | None,
        Field(alias="RESEND_WEBHOOK_SECRET", description="Verifies Resend's callbacks."),
    ] = None
    email_from: Annotated[
        str, Field(alias="HERALD_EMAIL_FROM", description="The sender of email.")
    ] = "JobFinders <notifications@jobfinders.example>"

    smtp_url: Annotated[
        SecretStr | None,
        Field(
            alias="SMTP_URL",
            description="The second way for email: `smtp://user:pw@host:587?starttls=required`, "
            "or `smtps://` for TLS from the start.",
        ),
    ] = None

    twilio_account_sid: Annotated[
        str | None, Field(alias="TWILIO_ACCOUNT_SID", description="Twilio: SMS.")
    ] = None
    twilio_auth_token: Annotated[
        SecretStr | None,
        Field(alias="TWILIO_AUTH_TOKEN", description="Twilio's token; verifies callbacks too."),
    ] = None
    twilio_webhook_secrets: Annotated[
        SecretStr | None,
        Field(
            alias="TWILIO_WEBHOOK_SECRET",
            description="The SharedKey that signs Twilio's callbacks, when a webhook rule of the "
            "account says so. Two, with a comma, while one is replaced.",
        ),
    ] = None
    twilio_api_url: Annotated[
        str, Field(alias="TWILIO_API_URL", description="Another server with Twilio's API.")
    ] = "https://api.twilio.com"
    sms_from: Annotated[
        str, Field(alias="HERALD_SMS_FROM", description="A number or messaging service (MG…).")
    ] = "+15005550006"

    support_contact: Annotated[
        str | None,
        Field(
            alias="HERALD_SUPPORT_CONTACT",
            description="Where a person helps: an address, number or page. HELP by SMS is answered "
            "with it; absent: the address of HERALD_EMAIL_FROM.",
        ),
    ] = None

    sns_enabled: Annotated[
        bool,
        Field(
            alias="HERALD_SNS",
            description="AWS keys lie about for other reasons: SMS by SNS only when switched on.",
        ),
    ] = False
    aws_access_key_id: Annotated[
        str | None, Field(alias="AWS_ACCESS_KEY_ID", description="AWS SNS: SMS.")
    ] = None
    aws_secret_access_key: Annotated[
        SecretStr | None, Field(alias="AWS_SECRET_ACCESS_KEY", description="Its secret.")
    ] = None
    aws_region: Annotated[str, Field(alias="AWS_REGION", description="Where SNS is called.")] = (
        "eu-central-1"
    )
    sns_api_url: Annotated[
        str | None,
        Field(alias="AWS_ENDPOINT_URL_SNS", description="Another server with SNS's API."),
    ] = None
    sns_sender_id: Annotated[
        str | None,
        Field(alias="HERALD_SNS_SENDER", description="A sender ID, or a number to send from."),
    ] = None
    sns_topic_arns: Annotated[
        tuple[str, ...],
        NoDecode,
        Field(
            alias="HERALD_SNS_TOPICS",
            description="Topics whose signed messages are heeded, comma separated ARNs.",
        ),
    ] = ()

    sms_prices_file: Annotated[
        Path | None,
        Field(
            alias="HERALD_SMS_PRICES",
            description="Your own prices, a file shaped like domain/data/sms_prices.json.",
        ),
    ] = None
    sms_least_saving: Annotated[
        Decimal,
        Field(
            alias="HERALD_SMS_LEAST_SAVING",
            ge=0,
            le=1,
            description="A cheaper provider goes before the preferred one where it saves at least "
            "this share of the price; 0: always the cheapest, 1: never.",
        ),
    ] = Decimal("0.25")
    sms_per_number_hour: Annotated[
        int,
        Field(alias="HERALD_SMS_PER_NUMBER_HOUR", ge=1, description="SMS to one number an hour."),
    ] = 10
    sms_per_number_day: Annotated[
        int,
        Field(alias="HERALD_SMS_PER_NUMBER_DAY", ge=1, description="SMS to one number a day."),
    ] = 30
    attachment_hosts: Annotated[
        tuple[str, ...],
        NoDecode,
        Field(
            alias="HERALD_ATTACHMENT_HOSTS",
            description="Hosts, `*.` patterns and networks that attachments may be fetched from, "
            "comma separated; none: only what is given in full.",
        ),
    ] = ()

    firebase_project_id: Annotated[
        str | None, Field(alias="FIREBASE_PROJECT_ID", description="Firebase: push.")
    ] = None
    firebase_client_email: Annotated[
        str | None, Field(alias="FIREBASE_CLIENT_EMAIL", description="The service account.")
    ] = None
    firebase_private_key: Annotated[
        SecretStr | None, Field(alias="FIREBASE_PRIVATE_KEY", description="Its key, PEM.")
    ] = None
    fcm_api_url: Annotated[
        str | None, Field(alias="FCM_API_URL", description="Another server with FCM's v1 API.")
    ] = None

    onesignal_app_id: Annotated[
        str | None, Field(alias="ONESIGNAL_APP_ID", description="OneSignal: push.")
    ] = None
    onesignal_api_key: Annotated[
        SecretStr | None, Field(alias="ONESIGNAL_API_KEY", description="Its REST API key.")
    ] = None
    onesignal_api_url: Annotated[
        str, Field(alias="ONESIGNAL_API_URL", description="Another server with its API.")
    ] = "https://api.onesignal.com"
    onesignal_webhook_secret: Annotated[
        SecretStr | None,
        Field(
            alias="ONESIGNAL_WEBHOOK_SECRET",
            description="What OneSignal's event stream is told to send as bearer token.",
        ),
    ] = None

    provider_timeout: Annotated[
        timedelta,
        Field(alias="HERALD_PROVIDER_TIMEOUT", description="How long a provider may take."),
    ] = timedelta(seconds=10)
    provider_rates: Annotated[
        dict[str, float],
        NoDecode,
        Field(
            alias="HERALD_PROVIDER_RATES",
            description="Messages a second by provider account, `resend=10,twilio=1`; none: no "
            "limit. Shared by all workers.",
        ),
    ] = Field(default_factory=dict)
    breaker_failures: Annotated[
        int,
        Field(
            alias="HERALD_BREAKER_FAILURES",
            ge=1,
            description="Failures in a row after which a provider is left alone for a while.",
        ),
    ] = 5
    breaker_cooldown: Annotated[
        timedelta,
        Field(alias="HERALD_BREAKER_COOLDOWN", description="How long it is left alone."),
    ] = timedelta(seconds=30)
    throttles: Annotated[
        dict[Channel, int],
        NoDecode,
        Field(
            alias="HERALD_THROTTLES",
            description="Messages per user and minute by channel, `sms=5,push=10`; none: no limit.",
        ),
    ] = Field(default_factory=dict)

    campaign_recipients_kept_days: Annotated[
        int,
        Field(
            alias="HERALD_CAMPAIGN_RECIPIENTS_KEPT_DAYS",
            ge=30,
            le=36_500,
            description="Days for which the recipients of a campaign that is over are kept, each "
            "with what became of it; the campaign's accounts stay.",
        ),
    ] = 400

    @field_validator("sns_topic_arns", "attachment_hosts", mode="before")
    @classmethod
    def _parse_names(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(part.strip() for part in value.split(",") if part.strip())

    @field_validator("throttles", "provider_rates", mode="before")
    @classmethod
    def _parse_pairs(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = (part.split("=", 1) for part in value.split(",") if part.strip())
        return {name.strip(): limit.strip() for name, limit in pairs}

    @field_validator("provider_rates")
    @classmethod
    def _rates_are_positive(cls, value: dict[str, float]) -> dict[str, float]:
        if any(rate <= 0 for rate in value.values()):
            raise ValueError("a rate is more than nothing a second")
        return value

    @model_validator(mode="after")
    def _production_is_safe(self) -> Self:
        if self.environment != "production":
            return self
        development = {
            name
            for name in ("master_keys", "token_secret")
            if getattr(self, name).get_secret_value()
            == type(self).model_fields[name].default.get_secret_value()
        }
        if self.api_key is None:
            development.add("api_key")
        if development:
            names = ", ".join(
                sorted(str(type(self).model_fields[name].alias) for name in development)
            )
            raise ValueError(f"production needs secrets of its own: set {names}")
        return self

    def sms_price_book(self) -> PriceBook:
        """The list prices, with the operator's own in their place. Raises `ValueError` and
        `OSError` for a file that cannot be used."""
        if self.sms_prices_file is None:
            return list_prices()
        return list_prices().overridden_by(PriceBook.parse(self.sms_prices_file.read_bytes()))

    def help_words(self) -> tuple[str, str]:
        """Who writes, and where a person helps."""
        name, address = parseaddr(self.email_from)
        contact = self.support_contact or address
        return name or address, contact

    def sms_senders(self) -> tuple[str, ...]:
        """From whom an SMS comes that names no sender."""
        return (self.sms_from, *((self.sns_sender_id,) if self.sns_sender_id else ()))

    def number_limits(self) -> tuple[NumberLimit, ...]:
        """How often one number is written to, whoever the messages are for."""
        return (
            NumberLimit(self.sms_per_number_hour, timedelta(hours=1)),
            NumberLimit(self.sms_per_number_day, timedelta(days=1)),
        )

    def campaign_retention(self) -> timedelta:
        return timedelta(days=self.campaign_recipients_kept_days)

    def master_key_ring(self) -> dict[str, bytes]:
        """Key id → key, the current one first. Raises `ValueError` for keys of another size."""
        ring = {}
        for text in self.master_keys.get_secret_value().split(","):
            key = base64.b64decode(text.strip())
            if len(key) != 32:
                raise ValueError("HERALD_MASTER_KEY: each key must be base64 of 32 bytes")
            ring[key_id(key)] = key
        return ring


def key_id(key: bytes) -> str:
    """A short public name for a master key."""
    import hashlib

    return hashlib.sha256(b"herald master key id" + key).hexdigest()[:8]


def example() -> str:
    """The text of `.env.example`: every setting, its meaning and its default."""
    lines = ["# Every setting of Herald. All have defaults; copy to .env what you change.", ""]
    for field in Settings.model_fields.values():
        default = field.get_default(call_default_factory=True, validated_data={})
        if isinstance(default, SecretStr):
            default = default.get_secret_value()
        if isinstance(default, timedelta):
            default = f"PT{int(default.total_seconds())}S"
        shown = "" if default in (None, {}, ()) else default
        lines += [f"# {field.description}", f"#{field.alias}={shown}", ""]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    import sys

    sys.stdout.write(example())
