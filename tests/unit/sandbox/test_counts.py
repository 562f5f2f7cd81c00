"""The count of what arrived: against a plain model, across restarts, while more arrives, and in the
same memory however much that is."""

import asyncio
import itertools
import json
import os
import subprocess
import tempfile
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.journal import Journal
from sandbox.messages import Message
from sandbox.store import Store
from tests.unit.sandbox.support import SandboxProcess, email

BATCH = "/resend/emails/batch"
NOTHING = {"messages": 0, "recipients": 0, "once": 0, "twiceOrMore": 0}
_ids = itertools.count()


def message(
    provider: str = "resend",
    to: Sequence[str] = ("ada@example.com",),
    subject: str | None = "Hello",
    html: str | None = None,
    payload: dict[str, Any] | None = None,
    collapse: str | None = None,
) -> Message:
    return Message(
        provider=provider,
        id=f"id-{next(_ids)}",
        to=tuple(to),
        received_at=datetime.now(UTC),
        payload=payload or {},
        subject=subject,
        html=html,
        collapse=collapse,
    )


MESSAGES = st.builds(
    message,
    provider=st.sampled_from(["firebase", "onesignal"]),
    to=st.lists(st.sampled_from(["a", "A", "b", "c"]), min_size=1, max_size=2),
    subject=st.sampled_from([None, "", "one", "two"]),
    html=st.sampled_from([None, "two"]),
    payload=st.sampled_from([{}, {"x": 1, "y": 2}, {"y": 2, "x": 1}, {"x": 2}]),
    collapse=st.sampled_from([None, None, "k", "l"]),
)
STEPS = st.lists(
    st.one_of(
        st.lists(MESSAGES, min_size=1, max_size=4),
        st.sampled_from(["all", "counts", "restart", "clear"]),
    ),
    max_size=12,
)


class Model:
    """The messages that stand, and their counts by a plain Counter."""

    def __init__(self) -> None:
        self.standing: list[Message] = []

    def take(self, messages: Sequence[Message]) -> None:
        for new in messages:
            self.standing = [old for old in self.standing if not self._replaces(new, old)]
            self.standing.append(new)

    def counts(self, provider: str | None) -> dict[str, int]:
        messages = [one for one in self.standing if provider in (None, one.provider)]
        times = Counter(
            (one.provider, to.lower(), self._content(one)) for one in messages for to in one.to
        )
        return {
            "messages": len(messages),
            "recipients": len({(name, to) for name, to, _ in times}),
            "once": sum(count == 1 for count in times.values()),
            "twiceOrMore": sum(count > 1 for count in times.values()),
        }

    @staticmethod
    def _replaces(new: Message, old: Message) -> bool:
        place = (new.provider, new.to[0], new.collapse)
        return new.collapse is not None and place == (old.provider, old.to[0], old.collapse)

    @staticmethod
    def _content(one: Message) -> tuple[str, ...]:
        read = (one.subject or "", one.text or "", one.html or "")
        return read if any(read) else (json.dumps(one.payload, sort_keys=True),)


@settings(deadline=None, max_examples=60)
@given(STEPS)
def test_counts_are_those_of_a_plain_counter(steps: list[list[Message] | str]) -> None:
    model = Model()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Journal(Path(folder)))
        for step in steps:
            if step == "restart":
                store.close()
                store = Store(Journal(Path(folder)))
            elif step == "clear":
                store.forget_messages()
                model.standing.clear()
            elif step == "all" or step == "counts":
                store.set_keep(step)
            else:
                assert isinstance(step, list)
                store.take(step)
                model.take(step)
        for provider in (None, "firebase", "onesignal"):
            assert asyncio.run(store.counts(provider)) == model.counts(provider)
        store.close()


async def test_counting_goes_on_beside_what_arrives(tmp_path: Path) -> None:
    store = Store(Journal(tmp_path))
    store.set_keep("counts")
    store.take([message(to=[f"u{n}@example.com"]) for n in range(20_000)])
    counting = asyncio.create_task(store.counts())
    taken = 0
    while not counting.done():
        store.take([message(to=[f"u{taken}@example.com"])])
        taken += 1
        await asyncio.sleep(0)
    counts = await counting
    assert taken > 1
    assert 20_000 <= counts["messages"] <= 20_000 + taken
    assert counts["twiceOrMore"] == counts["messages"] - 20_000, "one moment's, all of them"
    assert (await store.counts())["messages"] == 20_000 + taken
    store.close()


def test_counts_and_keys_survive_a_killed_process(tmp_path: Path) -> None:
    arguments = ("--data-dir", str(tmp_path))
    emails = [email(to=f"u{n}@example.com") for n in range(100)]
    with SandboxProcess(*arguments) as first:
        first.http.put("/mode", json={"keep": "counts"})
        taken = first.email(emails, key="k", path=BATCH)
        assert first.email(emails[:10], path=BATCH).status_code == 200
        os.kill(first.process.pid, 9)
    assert (tmp_path / "sandbox.sqlite").stat().st_mode & 0o777 == 0o600

    with SandboxProcess(*arguments) as second:
        counted = {"messages": 110, "recipients": 100, "once": 90, "twiceOrMore": 10}
        assert second.counts() == second.counts(provider="resend") == counted
        assert second.email(emails, key="k", path=BATCH).json() == taken.json()
        assert second.email(emails[1:], key="k", path=BATCH).status_code == 409
        assert second.counts() == counted
        second.email(emails[:20], path=BATCH)
        counted = {"messages": 130, "recipients": 100, "once": 80, "twiceOrMore": 20}
        assert second.counts() == counted
        unknown = taken.json()["data"][0]["id"]
        headers = {"Authorization": "Bearer re_test"}
        assert second.http.get(f"/resend/emails/{unknown}", headers=headers).status_code == 503

        second.http.delete("/messages")
        assert second.counts() == NOTHING
        assert second.email(emails, key="k", path=BATCH).json() == taken.json()
        assert second.counts() == NOTHING
        second.http.delete("/state")
        assert second.email(emails, key="k", path=BATCH).json() != taken.json()


@pytest.mark.parametrize("kept", [True, False])
def test_memory_is_the_same_for_six_times_as_many(tmp_path: Path, *, kept: bool) -> None:
    arguments = ("--data-dir", str(tmp_path)) if kept else ()
    with SandboxProcess(*arguments) as sandbox:
        sandbox.http.put("/mode", json={"keep": "counts"})
        send(sandbox, range(100))
        assert sandbox.counts()["once"] == 10_000
        before = resident(sandbox.process.pid)
        send(sandbox, range(100, 600))
        assert resident(sandbox.process.pid) < 1.1 * before
        send(sandbox, range(5))
        counted = {"messages": 60_500, "recipients": 60_000, "once": 59_500, "twiceOrMore": 500}
        assert sandbox.counts() == counted


def send(sandbox: SandboxProcess, batches: range) -> None:
    """A batch of a hundred for each number, always to the same people and under a fresh key."""
    for batch in batches:
        emails = [email(to=f"u{batch}-{n}@example.com") for n in range(100)]
        headers = {"Authorization": "Bearer re_test", "Idempotency-Key": f"key-{next(_ids)}"}
        answer = sandbox.http.post(BATCH, content=orjson.dumps(emails), headers=headers)
        assert answer.status_code == 200


def resident(pid: int) -> int:
    """Kibibytes of memory it holds."""
    return int(subprocess.check_output(["ps", "-o", "rss=", "-p", str(pid)]))
