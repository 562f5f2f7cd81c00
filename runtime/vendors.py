"""The providers of a process: each vendor that has its keys, in the order of preference."""

from pydantic import SecretStr

from domain.ports.providers import Provider
from providers.email.resend import ResendEmailProvider
from providers.email.smtp import SmtpEmailProvider
from providers.inbox.live import InboxProvider
from providers.push.firebase import FirebasePushProvider
from providers.push.onesignal import OneSignalPushProvider
from providers.sms.sns import SnsSmsProvider
from providers.sms.twilio import TwilioSmsProvider
from runtime.settings import Settings
from storage.inbox_bus import InboxBus


def make_providers(settings: Settings, bus: InboxBus) -> list[Provider]:
    """First choice first within each channel; the inbox needs no keys."""
    return [
        InboxProvider(bus),
        *_email(settings),
        *_sms(settings),
        *_push(settings),
    ]


def _email(settings: Settings) -> list[Provider]:
    made: list[Provider] = []
    if settings.resend_api_key is not None:
        made.append(
            ResendEmailProvider(
                api_key=settings.resend_api_key.get_secret_value(),
                api_url=settings.resend_api_url,
                default_sender=settings.email_from,
                webhook_secret=_secret(settings.resend_webhook_secret),
                timeout=settings.provider_timeout,
            )
        )
    if settings.smtp_url is not None:
        made.append(
            SmtpEmailProvider(
                url=settings.smtp_url.get_secret_value(),
                default_sender=settings.email_from,
                timeout=settings.provider_timeout,
            )
        )
    return made


def _sms(settings: Settings) -> list[Provider]:
    made: list[Provider] = []
    if settings.twilio_account_sid is not None and settings.twilio_auth_token is not None:
        made.append(
            TwilioSmsProvider(
                account_sid=settings.twilio_account_sid,
                auth_token=settings.twilio_auth_token.get_secret_value(),
                api_url=settings.twilio_api_url,
                sender=settings.sms_from,
                public_url=settings.public_url,
                timeout=settings.provider_timeout,
                webhook_secrets=_secrets(settings.twilio_webhook_secrets),
            )
        )
    key, secret = settings.aws_access_key_id, settings.aws_secret_access_key
    if settings.sns_enabled and key is not None and secret is not None:
        made.append(
            SnsSmsProvider(
                access_key_id=key,
                secret_access_key=secret.get_secret_value(),
                region=settings.aws_region,
                endpoint_url=settings.sns_api_url,
                sender=settings.sns_sender_id,
                topic_arns=settings.sns_topic_arns,
                timeout=settings.provider_timeout,
            )
        )
    return made


def _push(settings: Settings) -> list[Provider]:
    made: list[Provider] = []
    if settings.firebase_project_id is not None:
        made.append(
            FirebasePushProvider(
                project_id=settings.firebase_project_id,
                client_email=settings.firebase_client_email,
                private_key=_secret(settings.firebase_private_key),
                api_url=settings.fcm_api_url,
                timeout=settings.provider_timeout,
            )
        )
    if settings.onesignal_app_id is not None and settings.onesignal_api_key is not None:
        made.append(
            OneSignalPushProvider(
                app_id=settings.onesignal_app_id,
                api_key=settings.onesignal_api_key.get_secret_value(),
                api_url=settings.onesignal_api_url,
                webhook_secret=_secret(settings.onesignal_webhook_secret),
                timeout=settings.provider_timeout,
            )
        )
    return made


def _secret(value: SecretStr | None) -> str | None:
    return value.get_secret_value() if value is not None else None


def _secrets(value: SecretStr | None) -> tuple[str, ...]:
    parts = (_secret(value) or "").split(",")
    return tuple(part.strip() for part in parts if part.strip())
