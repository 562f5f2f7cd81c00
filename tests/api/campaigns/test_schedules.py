"""Recurring campaigns over HTTP: what is shown of the next occurrences, and what is refused."""

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.campaigns.calls import HERE, told
from tests.api.conftest import FIRST_KEY, fields_of, refusal

ROOT = Path(__file__).parents[3]
BERLIN = {"timezone": "Europe/Berlin"}
MONDAYS = {"calendar": [{"daysOfWeek": ["mon"], "times": ["09:00"]}], **BERLIN}
DRAFT = {
    "name": "Weekly", "type": "announcement", "title": "Hello", "content": "Some words.",
    "audience": {"userIds": ["nobody"]},
}  # fmt: skip


async def made(api: httpx.AsyncClient, schedule: dict[str, Any] | None = None) -> dict[str, Any]:
    answer = await api.post(HERE, json=DRAFT | {"schedule": schedule})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def instants(campaign: dict[str, Any]) -> list[datetime]:
    return [datetime.fromisoformat(at) for at in campaign["nextOccurrences"]]


async def test_from_its_draft_on_the_next_occurrences_are_shown(api: httpx.AsyncClient) -> None:
    campaign = await made(api, MONDAYS)
    path = f"{HERE}/{campaign['id']}"
    assert campaign["schedule"]["calendar"] == [
        {"daysOfWeek": ["mon"], "daysOfMonth": None, "months": None, "times": ["09:00"]}
    ]
    coming = instants(campaign)
    assert len(coming) == 5
    assert coming[0] > datetime.now(UTC)
    assert {(at.weekday(), at.hour, at.minute) for at in coming} == {(0, 9, 0)}, "as clocks there"
    assert all(b.date() - a.date() == timedelta(days=7) for a, b in pairwise(coming))

    changed = await api.put(path, json={"schedule": {"cron": "0 8 L * *"}})
    assert {at.hour for at in instants(changed.json())} == {8}
    await api.put(path, json={"schedule": MONDAYS})
    scheduled = await told(api, campaign, "schedule")
    assert (scheduled["status"], instants(scheduled)) == ("scheduled", coming)
    assert datetime.fromisoformat(scheduled["startsAt"]) == coming[0]
    assert (await api.get(path)).json()["nextOccurrences"] == scheduled["nextOccurrences"]
    assert (await told(api, campaign, "pause"))["nextOccurrences"] == []
    assert instants(await told(api, campaign, "resume")) == coming

    skipped = MONDAYS | {"except": [str(coming[0].date())]}
    again = await told(api, campaign, "schedule", schedule=skipped)
    assert instants(again)[:4] == coming[1:]
    local = {"localTime": "09:00", "calendar": [{"daysOfWeek": ["mon"]}], **BERLIN}
    everywhere = instants(await told(api, campaign, "schedule", schedule=local))
    assert {(at.weekday(), at.hour, at.utcoffset()) for at in everywhere} == {
        (0, 9, timedelta(hours=14))
    }
    await told(api, campaign, "cancel")
    assert (await api.get(path)).json()["nextOccurrences"] == []
    listed = (await api.get(HERE, params={"status": "cancelled"})).json()["data"]
    assert [one["nextOccurrences"] for one in listed if one["id"] == campaign["id"]] == [[]]


async def test_one_that_is_sent_once_has_no_next(api: httpx.AsyncClient) -> None:
    campaign = await made(api, {"localTime": "09:00", "date": "2099-12-01"})
    assert campaign["nextOccurrences"] == []
    weekly = await api.post(f"{HERE}/{campaign['id']}/schedule", json={})
    assert weekly.json()["nextOccurrences"] == []
    changed = await api.post(f"{HERE}/{campaign['id']}/schedule", json={"schedule": MONDAYS})
    refusal(changed, 409, "campaign_schedule_kind")
    await told(api, campaign, "cancel")


@pytest.mark.parametrize(
    ("schedule", "field", "code"),
    [
        (MONDAYS | {"until": "2020-12-31"}, "schedule.until", "schedule_past"),
        ({"cron": "0 9 * * *", "until": "2020-12-31"}, "schedule.until", "schedule_past"),
        (MONDAYS | {"except": [{"daysOfWeek": ["mon"]}]}, "schedule.calendar", "schedule_never"),
        (MONDAYS | {"from": "2090-01-03", "until": "2090-01-08"},
         "schedule.calendar", "schedule_never"),
        ({"cron": "0 9 * * *", "from": "2090-01-01", "until": "2090-01-01",
          "except": ["2090-01-01"]}, "schedule.cron", "schedule_never"),
        ({"cron": "0 9 31 2 *"}, "schedule.cron", "cron_invalid"),
        ({"cron": "0 9 * * 5#2"}, "schedule.cron", "cron_invalid"),
        ({"cron": "* * * * *"}, "schedule.cron", "schedule_too_frequent"),
        ({"calendar": [{"times": ["09:00", "09:05"]}]}, "schedule.calendar",
         "schedule_too_frequent"),
        ({"calendar": []}, "schedule.calendar", "value_error"),
        ({"calendar": [{}]}, "schedule", "value_error"),
        ({"calendar": [{"daysOfMonth": [31], "months": [2], "times": ["09:00"]}]},
         "schedule.calendar.0", "value_error"),
        ({"calendar": [{"daysOfWeek": ["mo"], "times": ["09:00"]}]},
         "schedule.calendar.0.daysOfWeek.0", "enum"),
        ({"calendar": [{"times": ["9 o'clock"]}]}, "schedule.calendar.0.times.0", "time_parsing"),
        ({"calendar": [{"every": 2, "times": ["09:00"]}]}, "schedule.calendar.0.every",
         "unknown_field"),
        (MONDAYS | {"except": [{}]}, "schedule.except.0.days", "value_error"),
        (MONDAYS | {"except": ["soon"]}, "schedule.except.0.date", "date_from_datetime_parsing"),
        (MONDAYS | {"from": "2090-01-03", "until": "2090-01-01"}, "schedule", "value_error"),
    ],
)  # fmt: skip
async def test_what_is_refused_of_a_draft_and_of_a_change(
    api: httpx.AsyncClient, schedule: dict[str, Any], field: str, code: str
) -> None:
    """And when it is scheduled: each time by the same field and code."""
    answer = await api.post(HERE, json=DRAFT | {"schedule": schedule})
    assert answer.status_code == 422, answer.text
    assert fields_of(answer.json()) == {field: code}, answer.text
    campaign = await made(api)
    path = f"{HERE}/{campaign['id']}"
    for answer in (
        await api.put(path, json={"schedule": schedule}),
        await api.post(f"{path}/schedule", json={"schedule": schedule}),
    ):
        assert answer.status_code == 422, answer.text
        assert fields_of(answer.json()) == {field: code}, answer.text
    assert (await api.get(path)).json()["status"] == "draft"


async def herald(server: str, home: Path, *words: str) -> tuple[int, str]:
    """A command of the terminal; its exit code and all it said."""
    environment = os.environ | {
        "HERALD_HOME": str(home), "HERALD_PORT": server.rpartition(":")[2],
        "HERALD_API_KEY": FIRST_KEY,
    }  # fmt: skip
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cli", *words, cwd=ROOT, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await running.communicate()
    return running.returncode or 0, said.decode()


async def test_from_a_terminal(api: httpx.AsyncClient, server: str, tmp_path: Path) -> None:
    campaign = await made(api)
    command = ("campaign", "schedule", campaign["id"])
    words = ("--day", "mon", "--day", "last", "--time", "09:00", "--from", "2090-01-01",
             "--skip", "2090-07-31", "--timezone", "Europe/Berlin")  # fmt: skip
    code, said = await herald(server, tmp_path, *command, *words)
    assert (code, said.splitlines()[:3]) == (
        0,
        ["Scheduled.", "  Mon 2091-04-30 09:00 UTC+02:00", "  Mon 2091-12-31 09:00 UTC+01:00"],
    ), said
    kept = (await api.get(f"{HERE}/{campaign['id']}")).json()["schedule"]
    assert (kept["calendar"][0]["daysOfMonth"], kept["except"]) == ([-1], ["2090-07-31"])
    words = ("--day", "sun", "--local-time", "18:30", "--from", "2090-01-01")
    code, said = await herald(server, tmp_path, *command, *words)
    assert (code, said.splitlines()[1]) == (0, "  Sun 2090-01-01 18:30 UTC+14:00"), said
    code, said = await herald(server, tmp_path, *command, "--cron", "* * * * *")
    assert code == 1
    assert "schedule_too_frequent" in said
    await told(api, campaign, "cancel")
