"""`python -m sandbox --port P`: run the sandbox until SIGTERM or Ctrl-C.

Its first line on standard output is its base URL, written when it answers; `--port 0` takes a free
port.
Secrets come from flags or, better, from the environment: RESEND_WEBHOOK_SECRET, TWILIO_AUTH_TOKEN,
ONESIGNAL_WEBHOOK_SECRET, SANDBOX_SMTP_PASSWORD, SANDBOX_AWS_SECRET, and SANDBOX_SNS_SIGNING_KEY (an
RSA key in PEM for SNS's notifications; without it each start makes one).
"""

import argparse
import os
import signal
import socket
import sys
from pathlib import Path

import uvicorn
from typing_extensions import override

from sandbox.app import build_app
from sandbox.config import DEFAULT_TOPIC_ARN, SandboxConfig
from sandbox.connection import CuttableProtocol


def parse_arguments(arguments: list[str] | None = None) -> tuple[SandboxConfig, str, int]:
    """Settings, host and port."""
    parser = argparse.ArgumentParser(prog="sandbox", description="Stand-ins for message vendors.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--data-dir", type=Path, help="keep messages across restarts here")
    parser.add_argument(
        "--callback-base-url",
        default="http://127.0.0.1:8000",
        help="vendor webhooks go to URL/api/webhooks/PROVIDER",
    )
    parser.add_argument("--resend-api-key", help="take this key only, not any re_… key")
    parser.add_argument(
        "--resend-webhook-secret",
        default=os.environ.get("RESEND_WEBHOOK_SECRET"),
        help="whsec_… (default: RESEND_WEBHOOK_SECRET)",
    )
    parser.add_argument(
        "--twilio-auth-token",
        default=os.environ.get("TWILIO_AUTH_TOKEN"),
        help="the password taken and the webhook key (default: TWILIO_AUTH_TOKEN)",
    )
    parser.add_argument(
        "--firebase-auth",
        choices=["optional", "required"],
        default="optional",
        help="optional takes calls of SDKs with anonymous credentials",
    )
    parser.add_argument("--onesignal-app-id", help="the only app there is, not any UUID")
    parser.add_argument("--onesignal-api-key", help="take this key only, not any")
    parser.add_argument(
        "--onesignal-webhook-secret",
        default=os.environ.get("ONESIGNAL_WEBHOOK_SECRET"),
        help="the event stream's bearer token (default: ONESIGNAL_WEBHOOK_SECRET)",
    )
    parser.add_argument("--smtp-port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--smtp-user", default=os.environ.get("SANDBOX_SMTP_USER"))
    parser.add_argument(
        "--smtp-password",
        default=os.environ.get("SANDBOX_SMTP_PASSWORD"),
        help="what mail is sent with (default: SANDBOX_SMTP_PASSWORD; none: no log-in)",
    )
    parser.add_argument("--sns-access-key-id", help="take this AWS key only, not any")
    parser.add_argument(
        "--sns-secret-access-key",
        default=os.environ.get("SANDBOX_AWS_SECRET"),
        help="what calls to SNS must be signed with (default: SANDBOX_AWS_SECRET)",
    )
    parser.add_argument(
        "--sns-topic-arn",
        default=DEFAULT_TOPIC_ARN,
        help="the topic SNS's notifications come from",
    )
    given = parser.parse_args(arguments)
    config = SandboxConfig(
        data_dir=given.data_dir,
        callback_base_url=given.callback_base_url,
        resend_api_key=given.resend_api_key,
        resend_webhook_secret=given.resend_webhook_secret or None,
        twilio_auth_token=given.twilio_auth_token or None,
        firebase_auth=given.firebase_auth,
        onesignal_app_id=given.onesignal_app_id or None,
        onesignal_api_key=given.onesignal_api_key or None,
        onesignal_webhook_secret=given.onesignal_webhook_secret or None,
        smtp_port=given.smtp_port,
        smtp_user=given.smtp_user or None,
        smtp_password=given.smtp_password or None,
        sns_access_key_id=given.sns_access_key_id or None,
        sns_secret_access_key=given.sns_secret_access_key or None,
        sns_topic_arn=given.sns_topic_arn,
        sns_signing_key=os.environ.get("SANDBOX_SNS_SIGNING_KEY") or None,
    )
    return config, given.host, given.port


class AnnouncedServer(uvicorn.Server):
    """uvicorn's server, saying where it listens once it does."""

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            sys.stdout.write(f"http://{host}:{port}\n")
            sys.stdout.flush()


def main() -> None:
    config, host, port = parse_arguments()
    # uvicorn raises the signal again once it has shut down; by then there is nothing left to stop.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    settings = uvicorn.Config(
        build_app(config),
        host=host,
        port=port,
        http=CuttableProtocol,
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
    )
    AnnouncedServer(settings).run()


if __name__ == "__main__":
    main()
