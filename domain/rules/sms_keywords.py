"""What a reply by SMS asks for: to stop, to start again, or for help.

Only a message that is nothing but a keyword counts: "please stop calling me names" is for people
to read. Case, accents, punctuation, spaces, and how a letter was typed (full width, composed or
not, Turkish dots) make no difference.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from domain.data import load


class Keyword(StrEnum):
    STOP = "stop"
    START = "start"
    AFFIRM = "affirm"
    """A yes: to be taken as `start` by a number that stopped, and by no other."""
    HELP = "help"


@dataclass(frozen=True, slots=True)
class Asked:
    """A keyword and the languages whose word it is."""

    keyword: Keyword
    languages: tuple[str, ...]


LONGEST: Final = 40
"""Characters of a reply, beyond which nothing is a keyword."""
_VENDORS: Final = (Keyword.STOP, Keyword.START, Keyword.HELP)
_LIKE_I: Final = str.maketrans({"ı": "i", "ł": "l", "ß": "ss", "ø": "o"})
"""Letters that keep their stroke or lack their dot when accents are taken off."""


def normalised(text: str) -> str:
    """The letters and digits of a text without case and accents: `Désabonner !` → `desabonner`."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    kept = "".join(letter for letter in plain if letter.isalnum())
    return kept.translate(_LIKE_I)


def keyword_of(text: str, vendors: str | None = None) -> Asked | None:
    """What the whole message asks for, or None when it is no keyword. `vendors`: what the vendor,
    who acts on it, took it for (`STOP`, `START`, `HELP`); that is then what it means."""
    stripped = text.strip()
    found = KEYWORDS.get(normalised(stripped)) if len(stripped) <= LONGEST else None
    if vendors is None or vendors.lower() not in _VENDORS:
        return found
    taken = Keyword(vendors.lower())
    return Asked(taken, found.languages if found and found.keyword is taken else ())


def _read(data: Mapping[str, Any]) -> Mapping[str, Asked]:
    """Raises `ValueError` when a word would mean two things."""
    found: dict[str, Asked] = {}
    for language, words in data["languages"].items():
        for keyword in Keyword:
            for word in words[keyword]:
                key = normalised(word)
                known = found.get(key, Asked(keyword, ()))
                if known.keyword is not keyword:
                    raise ValueError(f"{word} means {known.keyword} and {keyword}")
                if language not in known.languages:
                    found[key] = Asked(keyword, (*known.languages, language))
    return MappingProxyType(found)


KEYWORDS: Final = _read(load("sms_keywords"))
"""Every keyword by its normalised form."""
