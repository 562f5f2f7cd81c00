"""Request bodies: JSON that every later step can store and send, or a clear refusal.

What JSON allows and PostgreSQL, UTF-8 or a renderer do not (NUL characters, lone surrogates,
bottomless nesting) is refused here, once, with the path of the field.
"""

import json
from collections.abc import Iterator
from typing import Any, Final, NoReturn

import orjson
from starlette.requests import Request
from starlette.types import Receive, Scope
from typing_extensions import override

from api.errors import MalformedBody
from domain.errors import FieldError, Invalid

MAX_DEPTH: Final = 64


class JsonRequest(Request):
    """A request whose body was read and parsed already."""

    def __init__(self, scope: Scope, receive: Receive, body: bytes, parsed: Any) -> None:
        super().__init__(scope, receive)
        self._body = body
        self._parsed = parsed

    @override
    async def json(self) -> Any:
        return self._parsed


def parse_json(body: bytes) -> Any:
    """Raises `MalformedBody("malformed_json")`, and `Invalid` for text nobody could store."""
    suspicious = b"\\u0000" in body or body.count(b"{") + body.count(b"[") > MAX_DEPTH
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        value = _with_surrogates(body, error)
        suspicious = True
    if suspicious:
        for path, code, detail in _unstorable(value):
            problem = FieldError(path or "body", code, detail)
            raise Invalid("validation_error", detail, errors=(problem,))
    return value


def _with_surrogates(body: bytes, error: orjson.JSONDecodeError) -> Any:
    """JSON that is well formed but for a lone surrogate gets a better answer than "malformed"."""
    if b"\\u" not in body:
        raise _malformed(str(error)) from error
    try:
        return json.loads(body, parse_constant=_not_a_constant)
    except (ValueError, RecursionError) as wrong:
        raise _malformed(str(error)) from wrong


def _not_a_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _malformed(detail: str) -> MalformedBody:
    return MalformedBody("malformed_json", f"The body is not JSON: {detail}.")


def _unstorable(value: Any) -> Iterator[tuple[str, str, str]]:
    """(path, code, detail) of what cannot be kept. Walks without recursion."""
    stack: list[tuple[str, Any, int]] = [("", value, 0)]
    while stack:
        path, item, depth = stack.pop()
        if depth > MAX_DEPTH:
            yield path[:200], "too_deep", f"Nested deeper than {MAX_DEPTH} levels."
            return
        if isinstance(item, str):
            yield from _bad_text(path, item)
        elif isinstance(item, dict):
            for name, child in item.items():
                for _, code, detail in _bad_text(path, name):
                    yield path, code, detail
                stack.append((f"{path}.{name}" if path else name, child, depth + 1))
        elif isinstance(item, list):
            stack += [
                (f"{path}.{index}" if path else str(index), child, depth + 1)
                for index, child in enumerate(item)
            ]


def _bad_text(path: str, text: str) -> Iterator[tuple[str, str, str]]:
    if "\x00" in text:
        yield path, "null_character", "Text must not hold the NUL character."
    elif any("\ud800" <= letter <= "\udfff" for letter in text):
        yield path, "lone_surrogate", "Text must be valid Unicode: a surrogate stands alone."
