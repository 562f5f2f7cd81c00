"""Digests: what a plan gathers, under which key, and what the one message made of it holds.

An item is a notification of which some channels are gathered. It waits in its user's digest until
the end of a window; then all that are due become one notification of the type `digest`, which goes
the ordinary way.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from domain.enums import Category, Channel, GateOutcome, PlanOutcome, Strategy
from domain.plan_types import Plan

DIGEST_TYPE: Final = "digest"
DIGESTED: Final = "digested"
"""Why a delivery is skipped that a digest took over."""
DIGEST_TEMPLATE: Final = "digest"
MOST_ITEMS: Final = 1_000
"""In one digest; what is more goes into another right after it."""
SHOWN: Final = 20
"""So many items a template shows, with some of their content; the others are counted."""
CONTENT_LENGTH: Final = 300


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a plan gathers of a notification."""

    channels: tuple[Channel, ...]
    """With those in reserve, in the notification's order."""
    ends_at: datetime
    """When the digest is made."""


@dataclass(frozen=True, slots=True)
class DigestItem:
    """One line of a digest, in the words its reader sees."""

    notification_id: UUID
    type: str
    category: Category
    channels: tuple[Channel, ...]
    strategy: Strategy
    created_at: datetime
    title: str
    content: str | None = None
    url: str | None = None


def digest_key_of(digest_key: str | None, category: Category) -> str:
    """What is gathered together: the caller's key, else the category."""
    return digest_key or category.value


def gathered_of(plan: Plan) -> Gathered | None:
    """What goes into a digest; None when nothing does. Channels in reserve follow the one they
    stand behind."""
    if plan.outcome in {PlanOutcome.SKIP, PlanOutcome.EXPIRE}:
        return None
    ends = [c.until for c in plan.channels if c.outcome is GateOutcome.DIGEST and c.until]
    if not ends:
        return None
    kept = {GateOutcome.DIGEST, GateOutcome.HOLD}
    return Gathered(tuple(c.channel for c in plan.channels if c.outcome in kept), min(ends))


def in_order(items: Iterable[DigestItem]) -> tuple[DigestItem, ...]:
    """Grouped by type, the type with the most items first; the oldest first within a type."""
    found = list(items)
    sizes = Counter(item.type for item in found)
    return tuple(
        sorted(
            found,
            key=lambda item: (
                -sizes[item.type],
                item.type,
                item.created_at,
                item.notification_id.int,
            ),
        )
    )


def digest_data(items: Sequence[DigestItem]) -> dict[str, Any]:
    """The digest's `data` from items in their order: `items` and `total`. Marks for templates: with
    several types the first item of each says how many it has (`ofType`); what is not shown is
    `folded`, and the last one shown of its type says how many are (`more`)."""
    sizes = Counter(item.type for item in items)
    shown = shown_by_type(sizes)
    seen: Counter[str] = Counter()
    lines = []
    for item in items:
        seen[item.type] += 1
        number, fits = seen[item.type], shown[item.type]
        line = _line(item, told=number <= fits)
        if number == 1 and len(sizes) > 1:
            line["ofType"] = sizes[item.type]
        if number > fits:
            line["folded"] = True
        if number == fits < sizes[item.type]:
            line["more"] = sizes[item.type] - fits
        lines.append(line)
    return {"items": lines, "total": len(items)}


def shown_by_type(sizes: Mapping[str, int]) -> dict[str, int]:
    """How many items of each type are shown: one each and round again, until `SHOWN` are."""
    shown = dict.fromkeys(sizes, 0)
    room = min(max(SHOWN, len(sizes)), sum(sizes.values()))
    while room:
        for name, size in sizes.items():
            if room and shown[name] < size:
                shown[name] += 1
                room -= 1
    return shown


def _line(item: DigestItem, *, told: bool) -> dict[str, Any]:
    line: dict[str, Any] = {
        "notificationId": str(item.notification_id),
        "type": item.type,
        "title": item.title,
        "createdAt": item.created_at.isoformat(),
    }
    if item.content and told:
        line["content"] = _cut(item.content)
    if item.url:
        line["url"] = item.url
    return line


def digest_category(items: Sequence[DigestItem]) -> Category:
    """That of most items; among equals the one that comes first in the vocabulary."""
    counts = Counter(item.category for item in items)
    return max(Category, key=lambda category: counts[category])


def digest_channels(items: Sequence[DigestItem]) -> tuple[tuple[Channel, ...], Strategy]:
    """Where the digest goes, and how: as its items would, when they agree on the strategy; else
    on every channel that one of them would have used by itself."""
    strategies = {item.strategy for item in items}
    if len(strategies) == 1:
        wanted = [channel for item in items for channel in item.channels]
        return tuple(dict.fromkeys(wanted)), strategies.pop()
    wanted = [
        channel
        for item in items
        for channel in (item.channels if item.strategy is Strategy.ALL else item.channels[:1])
    ]
    return tuple(dict.fromkeys(wanted)), Strategy.ALL


def _cut(text: str) -> str:
    return text if len(text) <= CONTENT_LENGTH else f"{text[: CONTENT_LENGTH - 1]}…"
