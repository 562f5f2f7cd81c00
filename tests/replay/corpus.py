"""The recorded histories: where they lie, and what is taken out of them before they are kept."""

import json
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHistory

HISTORIES = Path(__file__).parent / "histories"
STICKY = "TASK_QUEUE_KIND_STICKY"
SCRUBBED = {"identity": "worker", "stackTrace": "", "workerInstanceKey": ""}


def recorded() -> list[Path]:
    return sorted(HISTORIES.glob("*.json"))


def covered() -> set[str]:
    """The scenarios that have a history: `name.json`, and `name.2.json` beside it. Under a name of
    its own: an order of events that no scenario brings about at will."""
    return {path.name.split(".")[0] for path in recorded()}


def load(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(path.stem, path.read_text())


def keep(name: str, history: WorkflowHistory) -> Path:
    """Writes a history beside those there are; none is ever overwritten."""
    taken = {path.name for path in recorded()}
    number = 1
    while (file := f"{name}.json" if number == 1 else f"{name}.{number}.json") in taken:
        number += 1
    path = HISTORIES / file
    scrubbed = scrub(json.loads(history.to_json()))
    path.write_text(json.dumps(scrubbed, indent=1, ensure_ascii=False) + "\n")
    return path


def scrub(value: Any) -> Any:
    """Without what names a machine."""
    if isinstance(value, list):
        return [scrub(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("kind") == STICKY:
        value = {**value, "name": "sticky"}
    return {key: SCRUBBED.get(key, scrub(item)) for key, item in value.items()}
