"""How long a text is as an SMS: GSM-7 when its alphabet has every character, otherwise UCS-2.

A message that does not fit one segment gives up room in each for the header that joins them, and
neither an escaped GSM character nor a surrogate pair is ever torn in two.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""GSM 03.38, the default alphabet: one septet each."""
EXTENSION: Final = frozenset("\f^{}\\[~]|€")
"""Its extension table: an escape and a septet."""
_BEYOND_BMP: Final = 0xFFFF


class Encoding(StrEnum):
    GSM_7 = "GSM-7"
    UCS_2 = "UCS-2"


class _Room(NamedTuple):
    alone: int
    joined: int


_ROOM: Final = {Encoding.GSM_7: _Room(160, 153), Encoding.UCS_2: _Room(70, 67)}


@dataclass(frozen=True, slots=True)
class SmsSize:
    encoding: Encoding
    characters: int
    """Unicode code points."""
    units: int
    """Septets in GSM-7, UTF-16 code units in UCS-2."""
    segments: int
    """What vendors charge for; 1 for an empty text."""


def measure(text: str) -> SmsSize:
    """The size of `text` as it stands; nothing is replaced to make it smaller."""
    encoding = Encoding.GSM_7 if is_gsm(text) else Encoding.UCS_2
    if encoding is Encoding.GSM_7:
        widths = [2 if char in EXTENSION else 1 for char in text]
    else:
        widths = [2 if ord(char) > _BEYOND_BMP else 1 for char in text]
    units = sum(widths)
    return SmsSize(encoding, len(text), units, _segments(widths, units, _ROOM[encoding]))


def is_gsm(text: str) -> bool:
    """Whether GSM-7 has every character of it."""
    return all(char in BASIC or char in EXTENSION for char in text)


def _segments(widths: Sequence[int], units: int, room: _Room) -> int:
    if units <= room.alone:
        return 1
    segments, used = 1, 0
    for width in widths:
        if used + width > room.joined:
            segments, used = segments + 1, 0
        used += width
    return segments
