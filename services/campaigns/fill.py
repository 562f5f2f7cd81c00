"""A campaign's email rendered once for all who differ only in words that are filled in.

Readers share a copy when they have its language, zone and country, and lack the same fields: so
every test and every date in it comes out alike. Names, addresses and links are marks there, and
are filled in for each reader, escaped where they stand in HTML.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from cachetools import LRUCache
from markupsafe import escape

from domain.content import RenderedMessage
from domain.enums import Channel
from domain.marks import has_mark, mark, split_marks
from domain.records.people import User
from services.campaigns.links import CampaignLinks

FIELDS: Final = ("id", "name", "email", "phone")
UNSUBSCRIBE: Final = len(FIELDS)
PREFERENCES: Final = UNSUBSCRIBE + 1
RECIPIENT: Final = UNSUBSCRIBE + 2
"""The token that stands for the reader in every tracking link."""
MAX_SUBJECT: Final = 255
COPIES: Final = 64_000_000
"""Bytes, of all editions together; there is one copy for each language, zone, country and lack of
fields among an edition's readers."""
_SMALL: Final = 500
"""Bytes of an entry without its copy."""


@dataclass(slots=True)
class MarkedLinks:
    """The links of a marked message, as `tracked_message` asks for them."""

    own: CampaignLinks
    campaign_id: UUID
    spoiled: bool = False
    """A tracked link differs from reader to reader."""

    def opened(self, _about: UUID, _channel: Channel) -> str:
        return self.own.campaign_opened(mark(RECIPIENT))

    def clicked(self, _about: UUID, _channel: Channel, url: str) -> str:
        self.spoiled |= has_mark(url)
        return self.own.campaign_clicked(mark(RECIPIENT), self.campaign_id, url)

    def is_own(self, url: str) -> bool:
        """A link that is only a mark is one of Herald's own."""
        words, places = split_marks(url)
        return self.own.is_own(url) or (len(places) == 1 and not any(words))


def marked_user(user: User) -> Mapping[str, Any]:
    """A reader's place in a template, with marks for what is filled in and there."""
    return {name: mark(place) if getattr(user, name) else "" for place, name in enumerate(FIELDS)}


def marked_links() -> Mapping[str, str]:
    return {
        "unsubscribe": mark(UNSUBSCRIBE, link=True),
        "preferences": mark(PREFERENCES, link=True),
    }


Cut = tuple[tuple[str, ...], tuple[int, ...]]
_NOTHING: Final[Cut] = ((), ())
_PIECE: Final = 64
"""What a piece of text takes besides its letters."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A message cut at its marks."""

    subject: Cut
    html: Cut | None
    text: Cut
    escaped: frozenset[int]
    """What is filled into the HTML."""

    @staticmethod
    def of(message: RenderedMessage) -> "Copy | None":
        """None where something was done to a mark, so that it is found no more."""
        copy = Copy(
            split_marks(message.subject or ""),
            split_marks(message.html) if message.html is not None else None,
            split_marks(message.text),
            frozenset(split_marks(message.html or "")[1]),
        )
        return None if any(has_mark(word) for word in copy.words()) else copy

    def words(self) -> Iterator[str]:
        """What stands between the marks."""
        for words, _ in (self.subject, self.html or _NOTHING, self.text):
            yield from words

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return sum(len(word) + _PIECE for word in self.words())

    def filled(self, values: Sequence[str]) -> RenderedMessage:
        """`values`: by mark; the fields, unsubscribe, preferences, the recipient's token."""
        subject = " ".join(_joined(self.subject, values).split())
        if len(subject) > MAX_SUBJECT:
            subject = f"{subject[: MAX_SUBJECT - 1]}…"
        html = None
        if self.html is not None:
            html = _joined(self.html, {place: str(escape(values[place])) for place in self.escaped})
        return RenderedMessage(subject=subject, html=html, text=_joined(self.text, values))


def _joined(cut: Cut, values: Mapping[int, str] | Sequence[str]) -> str:
    words, places = cut
    if not places:
        return words[0]
    pieces = [words[0]]
    for place, word in zip(places, words[1:], strict=True):
        pieces += (values[place], word)
    return "".join(pieces)


Copies = LRUCache[tuple[object, ...], Copy | None]


def copies_within(size: int) -> Copies:
    """Those used last, up to `size` bytes."""
    return LRUCache(size, getsizeof=lambda copy: _SMALL + (copy.size if copy else 0))
