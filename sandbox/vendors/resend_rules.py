"""What Resend accepts in an email, and the words it refuses the rest with."""

import base64
import binascii
import re
from functools import lru_cache
from typing import Any

from sandbox.vendors.base import Refusal

MAX_RECIPIENTS = 50
MAX_EMAIL_BYTES = 40 * 1024 * 1024
_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,63}"
)
_NAMED = re.compile(r"\s*(?:\"[^\"\r\n]*\"|[^<>\r\n]*?)\s*<([^<>\s]+)>\s*")
_HEADER = re.compile(r"[!-9;-~]+")
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
_FORMAT = (
    "Invalid `{}` field. The email address needs to follow the `email@example.com` or "
    "`Name <email@example.com>` format."
)


def as_list(value: Any) -> list[Any]:
    """Resend takes one address or a list of them."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def bare_address(value: str) -> str:
    """The address within `Name <address>`, or the value itself."""
    named = _NAMED.fullmatch(value) if "<" in value else None
    return named.group(1) if named else value.strip()


def check_email(email: Any) -> dict[str, Any]:
    """The email itself if Resend would take it. Raises Refusal as Resend refuses."""
    if not isinstance(email, dict):
        raise Refusal(422, "validation_error", "The body must be a JSON object.")
    _check_sender(email)
    _check_recipients(email)
    _check_content(email)
    _check_headers(email.get("headers"))
    _check_tags(email.get("tags"))
    _check_attachments(email.get("attachments"))
    scheduled_at = email.get("scheduled_at")
    if scheduled_at is not None and not (isinstance(scheduled_at, str) and scheduled_at.strip()):
        raise _invalid("scheduled_at", "must be an ISO 8601 time or words such as `in 1 hour`")
    return email


def check_batch_email(email: Any) -> dict[str, Any]:
    """As `check_email`, without what a batch does not take."""
    checked = check_email(email)
    for field in ("attachments", "scheduled_at"):
        if checked.get(field):
            raise Refusal(
                422, "validation_error", f"The `{field}` field is not supported in batch."
            )
    return checked


def _invalid(field: str, problem: str) -> Refusal:
    return Refusal(422, "validation_error", f"The `{field}` field {problem}.")


def _missing(field: str) -> Refusal:
    return Refusal(422, "missing_required_field", f"Missing `{field}` field.")


def _is_address(value: Any) -> bool:
    return isinstance(value, str) and _ADDRESS.fullmatch(bare_address(value)) is not None


@lru_cache(maxsize=256)
def _is_sender(value: str) -> bool:
    """As `_is_address`; of a hundred thousand emails all may have the same one."""
    return _is_address(value)


@lru_cache(maxsize=256)
def _is_tag(value: str) -> bool:
    return _TAG.fullmatch(value) is not None


def _check_sender(email: dict[str, Any]) -> None:
    sender = email.get("from")
    if not sender:
        raise _missing("from")
    if not isinstance(sender, str) or not _is_sender(sender):
        raise Refusal(422, "invalid_from_address", _FORMAT.format("from"))


def _check_recipients(email: dict[str, Any]) -> None:
    to = as_list(email.get("to"))
    if not to or to == [""]:
        raise _missing("to")
    if len(to) > MAX_RECIPIENTS:
        raise _invalid("to", f"must contain at most {MAX_RECIPIENTS} recipients")
    for field in ("to", "cc", "bcc", "reply_to"):
        for value in as_list(email.get(field)):
            if not _is_address(value):
                raise Refusal(422, "validation_error", _FORMAT.format(field))


def _check_content(email: dict[str, Any]) -> None:
    if email.get("template"):
        raise Refusal(404, "not_found", "Template not found")
    for field in ("subject", "html", "text"):
        value = email.get(field)
        if value is not None and not isinstance(value, str):
            raise _invalid(field, "must be a string")
    if not email.get("subject"):
        raise _missing("subject")
    if "\n" in email["subject"] or "\r" in email["subject"]:
        raise _invalid("subject", "must not contain line breaks")
    if not email.get("html") and not email.get("text"):
        text = "Missing `html` or `text` field."
        raise Refusal(422, "missing_required_field", text)


def _check_headers(headers: Any) -> None:
    if headers is None:
        return
    if not isinstance(headers, dict):
        raise _invalid("headers", "must be an object")
    for name, value in headers.items():
        if not isinstance(value, str):
            raise _invalid(f"headers.{name}", "must be a string")
        if "\n" in value or "\r" in value or not _HEADER.fullmatch(name):
            raise _invalid(f"headers.{name}", "is not a valid header")


def _check_tags(tags: Any) -> None:
    if tags is None:
        return
    if not isinstance(tags, list):
        raise _invalid("tags", "must be an array")
    for tag in tags:
        if not isinstance(tag, dict) or "name" not in tag or "value" not in tag:
            raise _invalid("tags", "must hold objects with `name` and `value`")
        for part in (tag["name"], tag["value"]):
            if not isinstance(part, str) or not _is_tag(part):
                text = "Tags should only contain ASCII letters, numbers, underscores, or dashes."
                raise Refusal(422, "validation_error", text)


def _check_attachments(attachments: Any) -> None:
    if attachments is None:
        return
    if not isinstance(attachments, list):
        raise _invalid("attachments", "must be an array")
    size = 0
    for attachment in attachments:
        if not isinstance(attachment, dict):
            raise _bad_attachment("Attachment must be an object.")
        content, path = attachment.get("content"), attachment.get("path")
        if not content and not path:
            raise _bad_attachment("Attachment must have either a `content` or `path`.")
        if content:
            if not isinstance(attachment.get("filename"), str) or not attachment["filename"]:
                raise _bad_attachment("Attachment with `content` must have a `filename`.")
            size += _encoded_size(content)
        elif not isinstance(path, str) or not path.startswith(("https://", "http://")):
            raise _bad_attachment("Attachment `path` must be a URL.")
    if size > MAX_EMAIL_BYTES:
        raise _bad_attachment("Attachments must not exceed 40MB after Base64 encoding.")


def _encoded_size(content: Any) -> int:
    """Bytes of the attachment once encoded; Resend takes base64 text or a list of byte values."""
    if isinstance(content, list):
        if not all(isinstance(byte, int) and 0 <= byte <= 255 for byte in content):
            raise _bad_attachment("Attachment `content` must be Base64 or an array of bytes.")
        return -(-len(content) // 3) * 4
    try:
        base64.b64decode(content, validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        text = "Attachment `content` must be Base64 or an array of bytes."
        raise _bad_attachment(text) from error
    return len(content)


def _bad_attachment(message: str) -> Refusal:
    return Refusal(422, "invalid_attachment", message)
