"""How to stop these messages: said where the law wants it, once, and as cheaply as it can be.

The words come from `domain/data/sms_opt_out.json`. They are never added to what is legally
transactional, nor to a text whose author has said it already.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Annotated, Final

from pydantic import Field

from domain.countries import CountryCode
from domain.data import Fact, load
from domain.enums import Category
from domain.sms.segments import measure

FALLBACK: Final = "en"
_NUMBER: Final = re.compile(r"\+?\d+")
_ALIASES: Final = {"no": "nb", "nn": "nb", "iw": "he", "sh": "hr", "bs": "hr"}


class Words(Fact):
    long: str
    short: str
    link: Annotated[str, Field(pattern=r"\{link\}")]
    """For a sender nobody can answer, such as a name instead of a number."""


class Rule(Fact):
    countries: tuple[CountryCode, ...]
    required: bool
    law: str
    source: Annotated[str, Field(pattern="^https://")]
    as_of: date
    """Since when the law says so, or when the rule was looked up."""
    note: str | None = None


class _Default(Fact):
    required: bool
    note: str


class _Marks(Fact):
    before: tuple[str, ...]
    after: tuple[str, ...]
    phrases: tuple[str, ...]


class OptOutFile(Fact):
    about: str
    categories: tuple[Category, ...]
    default: _Default
    rules: tuple[Rule, ...]
    texts: Mapping[str, Words]
    marks: _Marks


@dataclass(frozen=True, slots=True)
class SmsText:
    """A text as it goes out. `instructions` is the part of it that says how to opt out."""

    text: str
    instructions: str | None


@cache
def opt_out_data() -> OptOutFile:
    return OptOutFile.model_validate(load("sms_opt_out"))


def needs_opt_out(country: str | None, category: Category) -> bool:
    """Whether a message of this category must say how to opt out there."""
    data = opt_out_data()
    if category not in data.categories:
        return False
    return _required().get((country or "").upper(), data.default.required)


def generate_opt_out_instructions(
    country: str | None, language: str | None, category: Category, *, link: str | None = None
) -> str | None:
    """The words in full, in the language (English when there are none in it), or None where
    none are needed. `link`: where to opt out when the sender cannot be answered."""
    forms = _forms(country, language, category, link)
    return forms[0] if forms else None


def is_answerable(sender: str) -> bool:
    """Whether a reply reaches the sender: a number or a messaging service, and no name."""
    return bool(_NUMBER.fullmatch(sender)) or sender.startswith("MG")


def find_opt_out(text: str, link: str | None = None) -> str | None:
    """The part of a text that says how to opt out, in any of the languages; None: it does not."""
    if link and link in text:
        return link
    found = _pattern().search(text)
    return found.group(0) if found else None


def with_opt_out(
    text: str,
    country: str | None,
    language: str | None,
    category: Category,
    *,
    legally_transactional: bool = False,
    link: str | None = None,
) -> SmsText:
    """The text with opt-out words on a line of their own, if it needs any: the long form, or the
    short one when only that saves a segment."""
    said = find_opt_out(text, link)
    forms = () if legally_transactional or said else _forms(country, language, category, link)
    if not forms:
        return SmsText(text, said)
    chosen = min(forms, key=lambda words: measure(_joined(text, words)).segments)
    return SmsText(_joined(text, chosen), chosen)


def _joined(text: str, words: str) -> str:
    return f"{text.rstrip()}\n{words}"


def _forms(
    country: str | None, language: str | None, category: Category, link: str | None
) -> Sequence[str]:
    """The best first."""
    if not needs_opt_out(country, category):
        return ()
    words = _words(language)
    return (words.link.format(link=link),) if link else (words.long, words.short)


def _words(language: str | None) -> Words:
    texts = opt_out_data().texts
    primary = re.split("[-_]", (language or FALLBACK).lower())[0]
    return texts.get(_ALIASES.get(primary, primary), texts[FALLBACK])


@cache
def _required() -> Mapping[str, bool]:
    return {c: rule.required for rule in opt_out_data().rules for c in rule.countries}


@cache
def _pattern() -> re.Pattern[str]:
    """STOP counts only in capitals and where one is told to send it: "don't stop to look" is no
    instruction."""
    data = opt_out_data()
    ours = [form for words in data.texts.values() for form in (words.long, words.short)]
    before, after, phrases = (
        "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
        for words in (data.marks.before, data.marks.after, (*ours, *data.marks.phrases))
    )
    quote = "[\"'«„“]?"
    return re.compile(
        rf"(?i:\b(?:{before}))\s+{quote}STOP\b"
        rf"|\bSTOP\b{quote}\s+(?i:(?:{after})\b)"
        rf"|[:=]\s*{quote}STOP\b"
        rf"|\bSTOP\s*="
        rf"|(?i:{phrases})"
    )
