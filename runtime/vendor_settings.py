"""Settings of the vendors' accounts, and of the messages that go through them."""

from datetime import timedelta
from decimal import Decimal
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode

from domain.sms.limits import NumberLimit
from domain.sms.pricing import PriceBook, list_prices


class VendorSettings(BaseSettings):
    """A vendor without its keys is absent."""

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

    @field_validator("sns_topic_arns", "attachment_hosts", mode="before")
    @classmethod
    def _parse_names(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(part.strip() for part in value.split(",") if part.strip())

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
