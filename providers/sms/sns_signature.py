"""The signatures on what Amazon SNS sends: what is signed, with whose certificate, and when.

A signature proves that SNS sent a message for somebody's topic, not whose: every AWS customer can
have SNS sign. So only named topics are heeded, unless the messages come from a stand-in.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from cachetools import TTLCache
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509 import Certificate, load_pem_x509_certificate

from domain.errors import Unauthorized, Unavailable
from providers.http import httpx_timeout, is_local, trusted

OLDEST: Final = timedelta(hours=1)
"""SNS repeats what was not taken, with the time of the first try."""
CLOCK_SKEW: Final = timedelta(minutes=5)

_CONFIRMATION: Final = (
    "Message",
    "MessageId",
    "SubscribeURL",
    "Timestamp",
    "Token",
    "TopicArn",
    "Type",
)
_SIGNED: Final[Mapping[str, tuple[str, ...]]] = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": _CONFIRMATION,
    "UnsubscribeConfirmation": _CONFIRMATION,
}
# SNS offers nothing else: version 1 is its default, version 2 a setting of the topic.
_HASHES: Final[Mapping[str, hashes.HashAlgorithm]] = {
    "1": hashes.SHA1(),  # noqa: S303
    "2": hashes.SHA256(),
}
# The region's form matters: `sns.s3.amazonaws.com` would be anybody's bucket.
_AWS_HOST: Final = re.compile(r"sns\.[a-z]{2}(?:-[a-z]+)+-\d+\.amazonaws\.com(?:\.cn)?")
_CERTIFICATE: Final = re.compile(r"(?:/[\w-]+)*/SimpleNotificationService-[0-9A-Za-z]+\.pem")
_CERTIFICATES_KEPT: Final = 32
_KEPT_FOR: Final = timedelta(days=1)


class SnsSignatures:
    """Checks messages from SNS. `endpoint_url` is that of a stand-in, None for AWS itself; a local
    one may have certificates and confirmations of its own origin, and topics without a name."""

    def __init__(
        self,
        endpoint_url: str | None,
        topic_arns: tuple[str, ...],
        timeout: timedelta,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        local = endpoint_url is not None and is_local(endpoint_url)
        self._origin = _origin(endpoint_url) if local and endpoint_url else None
        self._topic_arns = frozenset(topic_arns)
        self._http = httpx.AsyncClient(
            verify=trusted(),
            timeout=httpx_timeout(timeout),
            transport=transport,
            trust_env=not local,
        )
        self._certificates: TTLCache[str, Certificate] = TTLCache(
            _CERTIFICATES_KEPT, _KEPT_FOR.total_seconds()
        )

    async def verify(self, body: bytes) -> None:
        """Raises `Unauthorized`, or `Unavailable` when the certificate cannot be had just now."""
        try:
            envelope = read_envelope(body)
            signed = _string_to_sign(envelope)
            signature = base64.b64decode(str(envelope["Signature"]), validate=True)
            algorithm = _HASHES[str(envelope["SignatureVersion"])]
            url = str(envelope["SigningCertURL"])
            at = instant(envelope)
        except (ValueError, KeyError, binascii.Error) as error:
            raise _bad("The message is not one of SNS's signed ones.") from error
        self._check_topic(str(envelope["TopicArn"]))
        _check_time(at)
        if not self.is_vendors(url) or not _CERTIFICATE.fullmatch(urlsplit(url).path):
            raise _bad("The signing certificate's address is not one of SNS's.")
        key = await self._public_key(url)
        try:
            key.verify(signature, signed, padding.PKCS1v15(), algorithm)
        except InvalidSignature as error:
            raise _bad("The webhook's signature is not good.") from error

    def is_vendors(self, url: str) -> bool:
        """Whether an address is SNS's own, or the local stand-in's."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return False
        if self._origin is not None and _origin(url) == self._origin:
            return True
        return parts.scheme == "https" and bool(_AWS_HOST.fullmatch(parts.netloc))

    async def visit(self, url: str) -> httpx.Response:
        """GETs an address that `is_vendors`. Raises httpx's errors."""
        return await self._http.get(url)

    async def aclose(self) -> None:
        await self._http.aclose()

    def _check_topic(self, arn: str) -> None:
        if self._topic_arns:
            if arn not in self._topic_arns:
                raise Unauthorized("unknown_topic", "The webhook's topic is not one of Herald's.")
        elif self._origin is None:
            raise Unauthorized("webhook_not_configured", "No topics are named for SNS.")

    async def _public_key(self, url: str) -> rsa.RSAPublicKey:
        certificate = self._certificates.get(url) or await self._fetch(url)
        now = datetime.now(UTC)
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise _bad("The signing certificate is not valid now.")
        key = certificate.public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            raise _bad("The signing certificate has another kind of key.")
        return key

    async def _fetch(self, url: str) -> Certificate:
        try:
            answer = await self.visit(url)
        except httpx.HTTPError as error:
            text = "SNS's signing certificate cannot be fetched."
            raise Unavailable("certificate_unavailable", text) from error
        if answer.status_code == 429 or answer.status_code >= 500:
            text = f"SNS's signing certificate cannot be fetched: HTTP {answer.status_code}."
            raise Unavailable("certificate_unavailable", text)
        if answer.status_code != 200:
            raise _bad("There is no such signing certificate.")
        try:
            certificate = load_pem_x509_certificate(answer.content)
        except ValueError as error:
            raise _bad("The signing certificate cannot be read.") from error
        self._certificates[url] = certificate
        return certificate


def read_envelope(body: bytes) -> Mapping[str, Any]:
    """What SNS wraps every message in. Raises `ValueError` for anything else."""
    envelope = json.loads(body)
    if not isinstance(envelope, dict) or envelope.get("Type") not in _SIGNED:
        raise ValueError("not a message from SNS")
    return envelope


def instant(envelope: Mapping[str, Any]) -> datetime:
    """When SNS published it. Raises `ValueError`."""
    at = datetime.fromisoformat(str(envelope["Timestamp"]))
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _string_to_sign(envelope: Mapping[str, Any]) -> bytes:
    """The signed fields in order, each its name and its value on lines of their own; a
    notification without a subject has no line for it."""
    lines: list[str] = []
    for name in _SIGNED[envelope["Type"]]:
        value = envelope.get(name)
        if value is None and name == "Subject":
            continue
        if not isinstance(value, str):
            raise ValueError(f"{name} is missing")
        lines += (name, value)
    return "".join(f"{line}\n" for line in lines).encode()


def _check_time(at: datetime) -> None:
    now = datetime.now(UTC)
    if not now - OLDEST <= at <= now + CLOCK_SKEW:
        raise Unauthorized("stale_webhook", "The webhook is too old, or of a time to come.")


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _bad(detail: str) -> Unauthorized:
    return Unauthorized("bad_signature", detail)
