"""Where a text may be cut without cutting inside what a reader takes for one character.

After Unicode's rules for extended grapheme clusters (UAX 29), leaning to too few cuts: an accent, a
skin tone, a joined family of emoji, a flag and a Korean syllable in parts all stay whole.
"""

import unicodedata
from typing import Final

_ZERO_WIDTH_JOINER: Final = "\u200d"
_VIRAMA: Final = 9
"""The combining class of what joins two consonants of an Indic script."""


def boundaries(text: str) -> list[int]:
    """The indices at which `text` may be cut, from 0 to its length."""
    cuts = [0]
    flags = 0
    for index in range(1, len(text)):
        before, after = text[index - 1], text[index]
        flags = flags + 1 if _is_regional(before) else 0
        joined = flags % 2 == 1 if _is_regional(after) else _belongs(before, after)
        if not joined:
            cuts.append(index)
    if text:
        cuts.append(len(text))
    return cuts


def _belongs(before: str, after: str) -> bool:
    """Whether the second character is shown as part of the first."""
    if before in "\r\n" or after in "\r\n":
        return before == "\r" and after == "\n"
    if before == _ZERO_WIDTH_JOINER or _extends(after):
        return True
    if unicodedata.combining(before) == _VIRAMA and unicodedata.category(after) == "Lo":
        return True
    return _hangul(after) in _KOREAN.get(_hangul(before), "")


def _extends(character: str) -> bool:
    return (
        character in "\u200c\u200d"
        or unicodedata.category(character) in ("Mn", "Mc", "Me")
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or "\U000e0020" <= character <= "\U000e007f"
    )


def _is_regional(character: str) -> bool:
    """Half of a flag."""
    return "\U0001f1e6" <= character <= "\U0001f1ff"


_KOREAN: Final = {"L": "LVS", "V": "VT", "S": "VT", "T": "T"}
"""Which part of a Korean syllable may follow which: leading, vowel, whole syllable, trailing."""


def _hangul(character: str) -> str:
    if "\uac00" <= character <= "\ud7a3":
        return "S"
    if "\u1100" <= character <= "\u115f" or "\ua960" <= character <= "\ua97c":
        return "L"
    if "\u1160" <= character <= "\u11a7" or "\ud7b0" <= character <= "\ud7c6":
        return "V"
    if "\u11a8" <= character <= "\u11ff" or "\ud7cb" <= character <= "\ud7fb":
        return "T"
    return "-"
