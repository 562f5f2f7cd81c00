"""What a sandbox is told when it starts; everything else it learns over HTTP."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

DEFAULT_TOPIC_ARN = "arn:aws:sns:eu-central-1:000000000000:herald"


@dataclass(frozen=True, slots=True)
class SandboxConfig:
    """Settings of one sandbox process. An absent secret switches its callbacks off."""

    data_dir: Path | None = None
    """Folder of the journal; None keeps everything in memory only."""
    callback_base_url: str = "http://127.0.0.1:8000"
    """Where vendor webhooks go: `{callback_base_url}/api/webhooks/{provider}`."""
    resend_api_key: str | None = None
    """The only key taken; None takes any key of Resend's form (`re_…`)."""
    resend_webhook_secret: str | None = None
    """Signing secret (`whsec_` + base64) of the email webhooks."""
    twilio_auth_token: str | None = None
    """The password taken and the webhook signing key; None takes any password."""
    firebase_auth: Literal["optional", "required"] = "optional"
    """`optional` takes calls without a bearer token, as an SDK with anonymous credentials sends."""
    onesignal_app_id: str | None = None
    """The only app there is; None takes any UUID."""
    onesignal_api_key: str | None = None
    """The only key taken; None takes any."""
    onesignal_webhook_secret: str | None = None
    """The bearer token of OneSignal's event stream."""
    smtp_port: int = 0
    """The mail server's port; 0 takes a free one."""
    smtp_user: str | None = None
    smtp_password: str | None = None
    """What the mail server's users log in with; None lets everybody send."""
    sns_access_key_id: str | None = None
    """The only AWS access key taken; None takes any."""
    sns_secret_access_key: str | None = None
    """What calls to SNS must be signed with; None checks no more than a signature's form."""
    sns_topic_arn: str = DEFAULT_TOPIC_ARN
    """The topic that SNS's notifications come from."""
    sns_signing_key: str | None = None
    """The RSA key, PEM, that they are signed with; None makes one."""
