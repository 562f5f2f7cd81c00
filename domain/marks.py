"""Marks that stand in a message for what differs from reader to reader, so that it is rendered
once and filled in for each.

A mark is a word nobody can have written: it holds a number drawn when the process starts. What a
link stands for has a mark that is a link itself, so that it passes wherever a link does; it has a
letter of its own, as a field may stand after an `https://` that is not the mark's.
"""

import re
import secrets
from typing import Final

_NONCE: Final = secrets.token_hex(12)
_MARK: Final = re.compile(rf"(?:https://zq{_NONCE}l|zq{_NONCE}x)([0-9]+)x\.invalid/")


def mark(place: int, *, link: bool = False) -> str:
    """The mark of the thing number `place`."""
    return f"https://zq{_NONCE}l{place}x.invalid/" if link else f"zq{_NONCE}x{place}x.invalid/"


def has_mark(text: str) -> bool:
    return _NONCE in text


def split_marks(text: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The words between the marks, one more than there are marks, and the marks' places."""
    parts = _MARK.split(text)
    return tuple(parts[::2]), tuple(int(place) for place in parts[1::2])
