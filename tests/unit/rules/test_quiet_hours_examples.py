"""The table a product person reads is what the rule does."""

import re
from datetime import datetime, time
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest

from domain.enums import Channel, GateOutcome, Weekday
from domain.rules.quiet_hours import decide_quiet_hours
from tests.unit.rules.builders import facts

_OUTCOMES = {
    "goes": GateOutcome.ALLOW,
    "waits": GateOutcome.DEFER,
    "skipped": GateOutcome.SKIP,
}
_LOCAL = re.compile(r"^(\w{3}) (\d{4}-\d\d-\d\d \d\d:\d\d)(?: (first|second))?$")


class Example(NamedTuple):
    zone: str
    quiet: str
    days: str
    channel: str
    local: str
    outcome: str
    until: str
    words: str


def _examples() -> list[Example]:
    table = Path(__file__).with_name("examples_quiet_hours.md").read_text(encoding="utf-8")
    rows = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in row] for row in rows]
    return [Example(*row) for row in cells if row[0] != "zone" and not row[0].startswith("---")]


def _instant(text: str, zone: str) -> datetime:
    match = _LOCAL.match(text)
    assert match, text
    weekday, wall, which = match.groups()
    local = datetime.strptime(wall, "%Y-%m-%d %H:%M").replace(
        tzinfo=ZoneInfo(zone), fold=1 if which == "second" else 0
    )
    assert local.strftime("%a") == weekday, text
    twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    assert twice == (which is not None), f"{text}: say first or second exactly where it happens"
    return local


def _quiet(example: Example) -> dict[str, object]:
    if example.quiet == "off":
        return {"enabled": False}
    start, end = example.quiet.split("–")
    days = [] if example.days == "no day" else example.days.split()
    return {
        "enabled": True,
        "start": time.fromisoformat(start),
        "end": time.fromisoformat(end),
        "timezone": example.zone,
        "days": frozenset(Weekday) if example.days == "every day" else frozenset(days),
    }


@pytest.mark.parametrize("example", _examples(), ids=lambda e: f"{e.local}-{e.words}")
def test_example(example: Example) -> None:
    of_user = facts(prefs={"quiet_hours": _quiet(example)}, timezone="Asia/Tokyo")
    at = _instant(example.local, example.zone)
    decision = decide_quiet_hours(of_user, Channel(example.channel), at)
    assert decision.outcome is _OUTCOMES[example.outcome]
    expected = _instant(example.until, example.zone).timestamp() if example.until else None
    assert (decision.until.timestamp() if decision.until else None) == expected


def test_the_table_is_complete() -> None:
    examples = _examples()
    assert len(examples) >= 40
    assert {e.zone for e in examples} == {"Europe/Berlin", "America/New_York"}
    assert {e.outcome for e in examples} == set(_OUTCOMES)
