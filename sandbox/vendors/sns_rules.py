"""What Amazon SNS accepts in a call by AWS's Query protocol: its parameters, its signature, an
SMS."""

import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import parse_qsl, quote

from starlette.requests import Request

from sandbox.vendors.base import Refusal

VERSION = "2010-03-31"
MAX_CHARS = 1600
E164 = re.compile(r"\+[1-9]\d{6,14}")
_SENDER_ID = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9-]{1,11}")
_ORIGINATION = re.compile(r"\+?\d{3,15}")
_PRICE = re.compile(r"\d+(\.\d+)?")
_ATTRIBUTE = re.compile(r"MessageAttributes\.entry\.(\d+)\.(Name|Value\.(?:DataType|StringValue))")
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/,\s]+)/(?P<day>\d{8})/(?P<region>[^/,\s]+)/"
    r"(?P<service>[^/,\s]+)/aws4_request,\s*SignedHeaders=(?P<headers>[a-z0-9;-]+),\s*"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)
_CLOCK_SKEW = timedelta(minutes=15)
_STOP = frozenset(
    {"ARRET", "CANCEL", "END", "OPT-OUT", "OPTOUT", "QUIT", "REMOVE", "STOP", "TD", "UNSUBSCRIBE"}
)
_START = frozenset({"START", "UNSTOP"})


def parse_form(body: bytes) -> dict[str, str]:
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def check_signature(
    request: Request, body: bytes, key_id: str | None, secret: str | None, now: datetime
) -> None:
    """Raises Refusal unless the call is signed by Signature Version 4: in form only where no secret
    is known."""
    given = request.headers.get("authorization", "")
    if not given:
        raise Refusal(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
    found = _AUTHORIZATION.fullmatch(given)
    if found is None:
        text = "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature'."
        raise Refusal(400, "IncompleteSignature", text)
    parts = found.groupdict()
    if key_id is not None and parts["key"] != key_id:
        text = "The security token included in the request is invalid."
        raise Refusal(403, "InvalidClientTokenId", text)
    if parts["service"] != "sns":
        raise _mismatch("Credential should be scoped to correct service: 'sns'.")
    stamp = request.headers.get("x-amz-date", "")
    try:
        at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        text = "Date must be in ISO-8601 'basic format'."
        raise Refusal(400, "IncompleteSignature", text) from error
    if stamp[:8] != parts["day"]:
        raise _mismatch("Date in Credential scope does not match YYYYMMDD of the request's date.")
    if abs(now - at) > _CLOCK_SKEW:
        raise _mismatch(f"Signature expired: {stamp} is not within 15 minutes of now.")
    if secret is not None:
        wanted = _signature(request, body, parts, stamp, secret)
        if not hmac.compare_digest(wanted, parts["signature"]):
            text = "The request signature we calculated does not match the signature you provided."
            raise _mismatch(text)


def _signature(
    request: Request, body: bytes, parts: Mapping[str, str], stamp: str, secret: str
) -> str:
    names = parts["headers"].split(";")
    headers = "".join(f"{n}:{' '.join(request.headers.get(n, '').split())}\n" for n in names)
    pairs = sorted(parse_qsl(request.url.query, keep_blank_values=True))
    query = "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in pairs)
    path = quote(request.scope["raw_path"].decode("ascii"), safe="/-_.~")
    digest = sha256(body).hexdigest()
    canonical = "\n".join([request.method, path, query, headers, parts["headers"], digest])
    scope = f"{parts['day']}/{parts['region']}/{parts['service']}/aws4_request"
    hashed = sha256(canonical.encode()).hexdigest()
    signed = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashed])
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), sha256).digest()
    return hmac.new(key, signed.encode(), sha256).hexdigest()


def read_attributes(form: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """`MessageAttributes` by name, each with its `DataType` and `StringValue`."""
    entries: dict[int, dict[str, str]] = {}
    for name, value in form.items():
        if found := _ATTRIBUTE.fullmatch(name):
            field = found[2].removeprefix("Value.")
            entries.setdefault(int(found[1]), {})[field] = value
    attributes: dict[str, dict[str, str]] = {}
    for _, entry in sorted(entries.items()):
        if not entry.get("Name") or not entry.get("DataType") or not entry.get("StringValue"):
            text = "The message attribute must contain a name, a type and a non-empty value."
            raise Refusal(400, "ParameterValueInvalid", text)
        attributes[entry.pop("Name")] = entry
    return attributes


def check_sms(form: Mapping[str, str], attributes: Mapping[str, Mapping[str, str]]) -> None:
    """Raises Refusal as SNS refuses to publish to a number."""
    if "PhoneNumber" not in form:
        if "TopicArn" in form or "TargetArn" in form:
            raise Refusal(404, "NotFound", "Topic does not exist")
        raise invalid("TopicArn or TargetArn Reason: no value for required parameter")
    number = form["PhoneNumber"]
    if not E164.fullmatch(number):
        raise invalid(f"PhoneNumber Reason: {number} is not valid to publish to")
    text = form.get("Message", "")
    if not text:
        raise invalid("Empty message")
    if len(text) > MAX_CHARS:
        raise invalid(f"Message Reason: longer than {MAX_CHARS} characters")
    values = {name: entry["StringValue"] for name, entry in attributes.items()}
    _check_value(values, "AWS.SNS.SMS.SMSType", re.compile("Promotional|Transactional"))
    _check_value(values, "AWS.SNS.SMS.SenderID", _SENDER_ID)
    _check_value(values, "AWS.MM.SMS.OriginationNumber", _ORIGINATION)
    _check_value(values, "AWS.SNS.SMS.MaxPrice", _PRICE)


def _check_value(values: Mapping[str, str], name: str, form: re.Pattern[str]) -> None:
    if name in values and not form.fullmatch(values[name]):
        text = f"Invalid parameter: MessageAttributes Reason: {name} has an invalid value"
        raise Refusal(400, "ParameterValueInvalid", text)


def number_of(form: Mapping[str, str]) -> str:
    """The `phoneNumber` of a call about the list of those who opted out."""
    number = form.get("phoneNumber", "")
    if not E164.fullmatch(number):
        raise invalid(f"PhoneNumber Reason: {number} is not valid to publish to")
    return number


def opt_out_word(text: str) -> str | None:
    """`STOP`, `START` or `HELP` when the whole reply is a word for it."""
    word = text.strip().upper()
    if word in _STOP:
        return "STOP"
    if word in _START:
        return "START"
    return "HELP" if word == "HELP" else None


def invalid(text: str) -> Refusal:
    return Refusal(400, "InvalidParameter", f"Invalid parameter: {text}")


def _mismatch(text: str) -> Refusal:
    return Refusal(403, "SignatureDoesNotMatch", text)
