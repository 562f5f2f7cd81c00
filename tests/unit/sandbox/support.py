"""A real sandbox process, a real receiver of its webhooks, and what the tests send."""

import functools
import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import httpx
from botocore.config import Config
from botocore.session import Session

ROOT = Path(__file__).parents[3]
WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TWILIO_TOKEN = "0123456789abcdef0123456789abcdef"
ACCOUNT = "AC" + "0a" * 16
SERVICE = "MG" + "0b" * 16
SENDER = "+15005550006"
NUMBER = "+4915112345678"
SNS_KEY_ID, SNS_SECRET = "AKIATEST000000000000", "a secret key"
ONESIGNAL_APP = "8250eaf6-1a58-489e-b136-7c74a864b434"


class SandboxProcess:
    """`python -m sandbox` on a free port, with a client for it; a context manager."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        command = [sys.executable, "-m", "sandbox", "--port", "0", *arguments]
        env = {"PATH": os.environ["PATH"], **environment}
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        assert self.url, "the sandbox ended before it listened"
        self.port = int(self.url.rpartition(":")[2])
        self.http = httpx.Client(base_url=self.url, timeout=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        self.process.kill()
        self.process.wait(timeout=10)
        assert self.process.stdout is not None
        self.process.stdout.close()

    # Steering

    def messages(self, **query: str) -> list[dict[str, Any]]:
        data: list[dict[str, Any]] = self.http.get("/messages", params=query).json()["data"]
        return data

    def counts(self, **query: str) -> dict[str, int]:
        counts: dict[str, int] = self.http.get("/counts", params=query).json()
        return counts

    def fault(self, provider: str, kind: str, **facts: Any) -> None:
        body = {"provider": provider, "kind": kind, **facts}
        assert self.http.post("/faults", json=body).status_code == 201

    def callback(self, provider: str, message_id: str, event: str, **facts: Any) -> httpx.Response:
        body = {"provider": provider, "messageId": message_id, "event": event, **facts}
        return self.http.post("/callbacks", json=body)

    # Vendors

    def email(
        self, body: Any = None, key: str | None = None, path: str = "/resend/emails", **headers: str
    ) -> httpx.Response:
        sent = {"Authorization": "Bearer re_test", **headers}
        if key is not None:
            sent["Idempotency-Key"] = key
        return self.http.post(path, json=email() if body is None else body, headers=sent)

    def sms(self, **form: str | None) -> httpx.Response:
        fields = {"From": SENDER, "To": "+4915112345678", "Body": "Hello", **form}
        return self.http.post(
            f"/twilio/2010-04-01/Accounts/{ACCOUNT}/Messages.json",
            data={name: value for name, value in fields.items() if value is not None},
            auth=(ACCOUNT, TWILIO_TOKEN),
        )

    def sms_list(self, **query: str | int) -> httpx.Response:
        path = f"/twilio/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
        return self.http.get(path, params=query, auth=(ACCOUNT, TWILIO_TOKEN))

    def push(self, message: Any = None, **rest: Any) -> httpx.Response:
        body = {"message": push() if message is None else message, **rest}
        return self.http.post("/fcm/v1/projects/demo/messages:send", json=body)

    def onesignal(self, body: Any = None, **headers: str) -> httpx.Response:
        sent = {"Authorization": "Key os_test", **headers}
        content = onesignal() if body is None else body
        return self.http.post("/onesignal/notifications", json=content, headers=sent)


def email(**changes: Any) -> dict[str, Any]:
    """A good email; a change to None leaves the field out."""
    whole = {
        "from": "Jobs <jobs@example.com>",
        "to": "ada@example.com",
        "subject": "New match",
        "html": "<p>Hello</p>",
        "text": "Hello",
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


def onesignal(**changes: Any) -> dict[str, Any]:
    """A good message to one device; a change to None leaves the field out."""
    whole = {
        "app_id": ONESIGNAL_APP,
        "target_channel": "push",
        "include_subscription_ids": ["1dd608f2-c6a1-11e3-851d-000c2940e62c"],
        "contents": {"en": "Hello"},
        "headings": {"en": "New match"},
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


def push(**changes: Any) -> dict[str, Any]:
    """A good push message; a change to None leaves the field out."""
    whole = {
        "token": "device-1",
        "notification": {"title": "New match", "body": "Hello"},
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


def sns_client(sandbox: SandboxProcess, key_id: str = SNS_KEY_ID, secret: str = SNS_SECRET) -> Any:
    """AWS's own SDK, which tries once."""
    return _sns_client(sandbox.url + "/sns", key_id, secret)


@functools.cache
def _sns_client(url: str, key_id: str, secret: str) -> Any:
    return Session().create_client(
        "sns",
        region_name="eu-central-1",
        endpoint_url=url,
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )


def publish(sandbox: SandboxProcess, **changes: Any) -> str:
    """Has SNS take an SMS; its id."""
    whole = {"PhoneNumber": NUMBER, "Message": "Hello", **changes}
    taken: dict[str, str] = sns_client(sandbox).publish(**whole)
    return taken["MessageId"]


def attribute(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: str


@dataclass
class Receiver:
    """The product's webhook endpoint: keeps what it gets and answers `status`."""

    status: int = 200
    requests: list[Received] = field(default_factory=list)
    server: ThreadingHTTPServer = field(init=False)

    def __post_init__(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.requests.append(Received(self.path, headers, body))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join(timeout=10)
