"""What was begun under earlier code can be carried on by the present one."""

import json
from pathlib import Path

import pytest
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from tests.replay import corpus, fingerprints
from tests.workflows.scenarios import SCENARIOS
from workers.queues import WORK

WHAT_TO_DO = """
The workflow code has changed in a way that the server may notice. Workflows that are waiting now,
some for weeks, will be carried on by the new code from their old histories. So:

1. Run `pytest tests/replay`. Does a recorded history fail to replay? Then put the change behind
   `if workflow.patched("what-changed"):` and keep the old way in the `else`.
2. Is there a new path? Write a scenario for it in tests/workflows/scenarios/, and record it:
   `python -m tests.replay.record`. Changed paths: `python -m tests.replay.record NAME`, which keeps
   the old history beside the new one.
3. Write the new baseline: `python -m tests.replay.fingerprints`, and commit all of it together.

What changed: {changes}
"""


def replayer() -> Replayer:
    return Replayer(
        workflows=[kind for work in WORK.values() for kind in work.workflows],
        data_converter=pydantic_data_converter,
    )


@pytest.mark.parametrize("path", corpus.recorded(), ids=lambda path: path.stem)
async def test_a_recorded_history_replays(path: Path) -> None:
    await replayer().replay_workflow(corpus.load(path))


def test_every_path_has_a_history() -> None:
    missing = set(SCENARIOS) - corpus.covered()
    assert corpus.recorded(), "an empty corpus proves nothing"
    assert not missing, f"record them with `python -m tests.replay.record`: {sorted(missing)}"


async def test_another_course_of_events_does_not_replay() -> None:
    """The guard itself: a history in which the delivery went to another activity is refused."""
    text = (corpus.HISTORIES / "immediate.json").read_text()
    assert '"name": "deliver"' in text
    history = corpus.WorkflowHistory.from_json(
        "changed", text.replace('"name": "deliver"', '"name": "another"')
    )
    with pytest.raises(NondeterminismError):
        await replayer().replay_workflow(history)


def test_the_workflows_tell_the_server_what_they_told_it_before() -> None:
    before, now = fingerprints.baseline(), fingerprints.present()
    changes = {
        f"{module}:{function}": {
            "before": before.get(module, {}).get(function),
            "now": now.get(module, {}).get(function),
        }
        for module in before | now
        for function in before.get(module, {}) | now.get(module, {})
        if before.get(module, {}).get(function) != now.get(module, {}).get(function)
    }
    assert not changes, WHAT_TO_DO.format(changes=json.dumps(changes, indent=1))


def test_the_corpus_names_no_machine() -> None:
    for path in corpus.recorded():
        document = json.loads(path.read_text())
        assert corpus.scrub(document) == document, path.name
