"""Preferences, subscriptions and consents; each change plans waiting notifications anew."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from runtime.embedded.home import free_port
from tests.api.conftest import Actor, fields_of, refusal


@pytest.fixture(scope="module")
def temporal_address() -> str:
    """Nobody is there: what could not be told stays to be seen, and nothing here needs it."""
    return f"127.0.0.1:{free_port()}"


async def signals(database: str, notification_id: str) -> list[str]:
    connection = await asyncpg.connect(database)
    try:
        rows = await connection.fetch(
            "select kind from workflow_signals where notification_id = $1 order by created_at",
            UUID(notification_id),
        )
    finally:
        await connection.close()
    return [row["kind"] for row in rows]


async def test_a_new_user_has_the_defaults(api: httpx.AsyncClient, actor: Actor) -> None:
    user = await actor.user()
    shown = (await api.get(f"/users/{user}/preferences")).json()
    assert shown == {
        "userId": user, "language": None, "timezone": None,
        "channels": {
            "email": {"enabled": True, "chosen": False},
            "sms": {"enabled": False, "chosen": False},
            "push": {"enabled": True, "chosen": False},
            "websocket": {"enabled": True, "chosen": False},
        },
        "quietHours": {
            "enabled": False, "start": "22:00", "end": "07:00", "timezone": None,
            "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
            "channels": ["email", "sms", "push"],
        },
        "frequency": {"maxPerHour": None, "maxPerDay": None, "maxPerWeek": None,
                      "categories": {}, "whenExceeded": "defer"},
        "categories": {}, "optimizeTiming": False, "automaticOptimization": False,
    }  # fmt: skip


async def test_put_merges_and_null_gives_the_default_back(
    api: httpx.AsyncClient, actor: Actor
) -> None:
    path = f"/users/{await actor.user()}/preferences"
    change: dict[str, Any] = {
        "language": "de",
        "channels": {"sms": {"enabled": True}},
        "quietHours": {"enabled": True, "start": "21:30", "days": ["sat", "mon"]},
        "frequency": {"maxPerDay": 20, "categories": {"jobs": {"maxPerDay": 5}}},
        "categories": {"jobs": {"channels": ["push", "email"], "delivery": "daily"}},
    }
    assert (await api.put(path, json=change)).status_code == 200
    more = {"quiet_hours": {"end": "08:00"}, "frequency": {"when_exceeded": "drop"},
            "categories": {"marketing": {"enabled": False}}}  # fmt: skip
    shown = (await api.put(path, json=more)).json()
    assert shown["language"] == "de"
    assert shown["channels"]["sms"] == {"enabled": True, "chosen": True}
    assert shown["channels"]["email"] == {"enabled": True, "chosen": False}
    assert (shown["quietHours"]["start"], shown["quietHours"]["end"]) == ("21:30", "08:00")
    assert shown["quietHours"]["days"] == ["mon", "sat"]
    assert shown["frequency"]["maxPerDay"] == 20
    assert shown["frequency"]["categories"]["jobs"]["maxPerDay"] == 5
    assert shown["frequency"]["whenExceeded"] == "drop"
    assert shown["categories"]["jobs"] == {
        "enabled": True, "channels": ["email", "push"], "delivery": "daily",
    }  # fmt: skip
    nulls = {"language": None, "quietHours": {"start": None}, "channels": {"sms": None},
             "categories": {"jobs": None}, "frequency": None}  # fmt: skip
    back = (await api.put(path, json=nulls)).json()
    assert back["language"] is None
    assert (back["quietHours"]["start"], back["quietHours"]["end"]) == ("22:00", "08:00")
    assert back["channels"]["sms"] == {"enabled": False, "chosen": False}
    assert list(back["categories"]) == ["marketing"]
    assert back["frequency"]["maxPerDay"] is None
    assert back == (await api.get(path)).json()


async def test_what_was_read_can_be_written_back_unchanged(
    api: httpx.AsyncClient, actor: Actor
) -> None:
    path = f"/users/{await actor.user()}/preferences"
    await api.put(path, json={"channels": {"push": {"enabled": False}}})
    shown = (await api.get(path)).json()
    assert (await api.put(path, json=shown)).json() == shown
    shown["channels"]["sms"]["enabled"] = True
    written = (await api.put(path, json=shown)).json()
    assert written["channels"]["sms"] == {"enabled": True, "chosen": True}
    assert written["channels"]["email"]["chosen"] is False


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"colour": 1}, "colour", "unknown_field"),
        ({"quietHours": {"start": "25:00"}}, "quietHours.start", "time_parsing"),
        ({"quietHours": {"days": ["someday"]}}, "quietHours.days.0", "enum"),
        ({"channels": {"fax": {"enabled": True}}}, "channels.fax", "enum"),
        ({"channels": {"email": {"colour": 1}}}, "channels.email.colour", "unknown_field"),
        ({"timezone": "Mars/Olympus"}, "timezone", "value_error"),
        ({"frequency": {"maxPerDay": -1}}, "frequency.maxPerDay", "greater_than_equal"),
        ({"categories": {"jobs": {"delivery": "yearly"}}}, "categories.jobs.delivery", "enum"),
        ({"userId": "someone-else"}, "userId", "user_mismatch"),
        ({"quietHours": 5}, "quietHours", "model_type"),
    ],
)
async def test_wrong_preferences_are_refused_by_field(
    api: httpx.AsyncClient, actor: Actor, change: dict[str, Any], field: str, code: str
) -> None:
    path = f"/users/{await actor.user()}/preferences"
    before = (await api.get(path)).json()
    problem = refusal(await api.put(path, json=change), 422, "validation_error")
    assert fields_of(problem) == {field: code}
    assert (await api.get(path)).json() == before


async def test_reset_and_single_channels(api: httpx.AsyncClient, actor: Actor) -> None:
    path = f"/users/{await actor.user()}/preferences"
    off = await api.put(f"{path}/channels/email", json={"enabled": False})
    assert off.json() == {"enabled": False, "chosen": True}
    assert (await api.get(f"{path}/channels/email")).json() == off.json()
    reset = await api.post(f"{path}/reset")
    assert reset.json()["channels"]["email"] == {"enabled": True, "chosen": False}
    refusal(await api.get(f"{path}/channels/fax"), 422, "validation_error")
    refusal(await api.put(f"{path}/channels/email", json={}), 422, "validation_error")


async def test_effective_says_what_stands_in_the_way(api: httpx.AsyncClient, actor: Actor) -> None:
    user = await actor.user(timezone="Europe/Berlin")
    path = f"/users/{user}/preferences"
    await api.put(
        path,
        json={"channels": {"push": {"enabled": False}},
              "categories": {"jobs": {"channels": ["email", "push"]}},
              "frequency": {"categories": {"jobs": {"maxPerDay": 3}}}},
    )  # fmt: skip
    shown = (await api.get(f"{path}/effective", params={"type": "job_match"})).json()
    assert shown["timezone"] == "Europe/Berlin"
    assert shown["category"] == "jobs"
    assert shown["limits"]["maxPerDay"] == 3
    assert {name: answer["reason"] for name, answer in shown["channels"].items()} == {
        "email": "channel_not_chosen", "sms": "consent_missing", "push": "channel_disabled",
        "websocket": "category_channel_excluded",
    }  # fmt: skip
    assert [n for n, answer in shown["channels"].items() if answer["enabled"]] == ["email"]
    unknown = await api.get(f"{path}/effective", params={"type": "unheard_of"})
    refusal(unknown, 422, "unknown_type")
    refusal(await api.get(f"{path}/effective"), 422, "validation_error")


async def test_an_unknown_user_has_no_preferences(api: httpx.AsyncClient) -> None:
    path = "/users/nobody/preferences"
    for call in (api.get(path), api.put(path, json={}), api.post(f"{path}/reset"),
                 api.get(f"{path}/effective", params={"type": "job_match"})):  # fmt: skip
        refusal(await call, 404, "user_not_found")


async def test_subscriptions(api: httpx.AsyncClient, actor: Actor) -> None:
    user = await actor.user()
    path = f"/users/{user}/subscriptions"
    made = await api.post(path, json={"type": "job_alert", "channels": ["email"]})
    assert made.status_code == 201
    assert (made.json()["type"], made.json()["channels"]) == ("job_alert", ["email"])
    default = await api.post(path, json={"type": "job_match"})
    assert default.json()["channels"] == ["websocket", "email"]
    assert (await api.delete(f"{path}/job_alert")).status_code == 204
    listed = {item["type"]: item["channels"] for item in (await api.get(path)).json()["data"]}
    assert listed == {"job_alert": [], "job_match": ["websocket", "email"]}
    refusal(await api.post(path, json={"type": "unheard_of"}), 422, "unknown_type")
    refusal(await api.delete(f"{path}/unheard_of"), 404, "type_not_found")
    refusal(await api.get("/users/nobody/subscriptions"), 404, "user_not_found")


async def test_consents_keep_their_history(
    api: httpx.AsyncClient, actor: Actor, database: str
) -> None:
    user = await actor.user()
    path = f"/users/{user}/consents/sms"
    refusal(await api.get(path), 404, "consent_not_found")
    given = {"granted": True, "source": "signup form", "text": "May we text you?",
             "at": "2026-01-02T03:04:05Z"}  # fmt: skip
    assert (await api.put(path, json=given)).json() == {"type": "sms", **given}
    preferences = (await api.get(f"/users/{user}/preferences")).json()
    assert preferences["channels"]["sms"] == {"enabled": True, "chosen": False}
    withdrawn = (await api.put(path, json={"granted": False})).json()
    assert (withdrawn["granted"], withdrawn["source"]) == (False, "api")
    assert datetime.fromisoformat(withdrawn["at"]).tzinfo == UTC
    assert (await api.get(path)).json() == withdrawn
    assert (await api.get(f"/users/{user}/consents")).json()["data"] == [withdrawn]
    connection = await asyncpg.connect(database)
    history = await connection.fetch(
        "select granted from consent_history where user_id = $1 order by id", user
    )
    await connection.close()
    assert [row["granted"] for row in history] == [True, False]
    refusal(await api.put(f"/users/{user}/consents/tea", json=given), 422, "validation_error")
    refusal(await api.put("/users/nobody/consents/sms", json=given), 404, "user_not_found")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/preferences", {"quietHours": {"enabled": True}}),
        ("POST", "/preferences/reset", None),
        ("PUT", "/consents/marketing", {"granted": True}),
        ("POST", "/subscriptions", {"type": "job_alert"}),
        ("DELETE", "/subscriptions/job_alert", None),
        ("PUT", "", {"timezone": "Asia/Tokyo"}),
    ],
)
async def test_a_change_is_told_to_what_waits(
    api: httpx.AsyncClient, actor: Actor, database: str, method: str, path: str, body: Any
) -> None:
    user = await actor.user()
    item = await actor.send(user, scheduledAt="2027-12-01T09:00:00Z")
    answer = await api.request(method, f"/users/{user}{path}", json=body)
    assert answer.is_success, answer.text
    assert await signals(database, item["id"]) == ["preferences_changed"]


async def test_changes_at_the_same_instant_are_all_kept(api: httpx.AsyncClient) -> None:
    """Merging reads and writes: two at once must not undo each other."""
    await api.put("/users/at-once", json={"email": "at-once@example.com"})
    path = "/users/at-once/preferences"
    categories = ["jobs", "messages", "marketing", "applications", "announcements"]
    answers = await asyncio.gather(
        *(api.put(path, json={"categories": {name: {"enabled": False}}}) for name in categories)
    )
    assert {answer.status_code for answer in answers} == {200}
    kept = (await api.get(path)).json()["categories"]
    assert sorted(kept) == sorted(categories)
