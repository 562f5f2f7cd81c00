"""What a sandbox is told when it starts; everything else it learns over HTTP."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


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
