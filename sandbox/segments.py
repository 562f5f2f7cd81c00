"""The segments an SMS body takes: GSM-7 (160, or 153 each) or UCS-2 (70, or 67 each)."""

from typing import Literal

_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "ÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_EXTENDED = frozenset("^{}\\[~]|€\f")


def count_segments(body: str) -> tuple[int, Literal["GSM-7", "UCS-2"]]:
    """Segments and the encoding that decides them; no character spans two segments."""
    segments, encoding = split_segments(body)
    return len(segments), encoding


def split_segments(body: str) -> tuple[list[str], Literal["GSM-7", "UCS-2"]]:
    """The body as it travels, piece by piece."""
    if all(char in _GSM or char in _GSM_EXTENDED for char in body):
        return _pack(body, [2 if char in _GSM_EXTENDED else 1 for char in body], 160, 153), "GSM-7"
    return _pack(body, [2 if ord(char) > 0xFFFF else 1 for char in body], 70, 67), "UCS-2"


def _pack(body: str, widths: list[int], single: int, part: int) -> list[str]:
    if sum(widths) <= single:
        return [body]
    segments, room, start = [], part, 0
    for place, width in enumerate(widths):
        if width > room:
            segments.append(body[start:place])
            room, start = part, place
        room -= width
    return [*segments, body[start:]]
