"""Campaigns over HTTP: drafts, sending, steering, the accounts, and every refusal."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI

from domain.campaigns.messages import ChunkInput, FinishCampaignInput, FreezeInput, OpenInput
from domain.enums import MaintenanceStep
from tests.api.conftest import Actor, client, fields_of, refusal

HERE = "/campaigns/email"
VARIANTS = [{"name": "A", "subject": "One"}, {"name": "B", "subject": "Two"}]
TEST = {"variants": VARIANTS, "decideAfter": "PT4H"}


def draft(**fields: Any) -> dict[str, Any]:
    return {
        "name": "Spring", "type": "announcement", "title": "Hello", "content": "Some words.",
        "audience": {"userIds": ["nobody"]},
    } | fields  # fmt: skip


async def made(api: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await api.post(HERE, json=draft(**fields))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def told(api: httpx.AsyncClient, campaign: dict[str, Any], word: str, **body: Any) -> Any:
    answer = await api.post(f"{HERE}/{campaign['id']}/{word}", json=body)
    assert answer.is_success, answer.text
    return answer.json()


def in_an_hour() -> str:
    return (datetime.now(UTC) + timedelta(hours=1)).isoformat()


async def work(actor: Actor, campaign: dict[str, Any], *, finish: bool = True) -> None:
    """What the workflow would do now."""
    wanted, now = UUID(campaign["id"]), datetime.now(UTC)
    run, chunks = actor.container.campaign_run, actor.container.campaign_chunks
    await run.open(OpenInput(campaign_id=wanted, now=now))
    await run.freeze(FreezeInput(campaign_id=wanted, now=now))
    await chunks.deliver(ChunkInput(campaign_id=wanted, low=0, high=499, now=now))
    if finish:
        await run.finish(FinishCampaignInput(campaign_id=wanted, now=now))


async def test_a_draft_is_shown_as_it_was_written(api: httpx.AsyncClient) -> None:
    given = draft(
        subject="News for {{ user.name }}", data={"a": [1]}, replyTo="ann@example.com",
        schedule={"localTime": "09:00", "date": "2099-12-01", "timezone": "Europe/Berlin"},
        rate={"perMinute": 600, "warmUp": [{"day": 1, "max": 10}]},
        test={"variants": VARIANTS, "fraction": 0.2, "metric": "open", "decideAfter": "PT4H"},
    ) | {"from": "Herald <jobs@example.com>"}  # fmt: skip
    answer = await api.post(HERE, json=given)
    assert answer.status_code == 201, answer.text
    shown = answer.json()
    for name in ("name", "type", "title", "content", "subject", "data", "replyTo", "from"):
        assert shown[name] == given[name], name
    assert shown["audience"]["userIds"] == ["nobody"]
    assert shown["schedule"]["localTime"] == "09:00"
    assert shown["rate"]["warmUp"] == [{"day": 1, "max": 10}]
    assert [v["name"] for v in shown["test"]["variants"]] == ["A", "B"]
    assert shown["test"]["decideAfter"] == "PT4H"
    assert (shown["status"], shown["category"], shown["channels"]) == (
        "draft", "announcements", ["email"],
    )  # fmt: skip
    path = shown["links"]["self"].removeprefix("/api")
    assert (await api.get(path)).json() == shown
    listed = await api.get(HERE, params={"status": "draft", "limit": 1})
    assert listed.json()["data"] == [shown]


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"name": ""}, "name", "string_too_short"),
        ({"audience": None}, "audience", "model_attributes_type"),
        ({"type": "no_such_type"}, "type", "unknown_type"),
        ({"category": "jobs"}, "category", "category_mismatch"),
        ({"channels": ["pigeon"]}, "channels.0", "enum"),
        ({"title": None}, "body", "value_error"),
        ({"subject": "{{ user.name"}, "subject", "subject_invalid"),
        ({"schedule": {"cron": "@daily"}}, "schedule", "value_error"),
        ({"schedule": {"at": in_an_hour(), "cron": "0 9 * * MON"}}, "schedule", "value_error"),
        ({"schedule": {"localTime": "09:00"}}, "schedule", "value_error"),
        ({"rate": {"perMinute": 0}}, "rate.perMinute", "greater_than_equal"),
        ({"test": {"variants": VARIANTS[:1], "decideAfter": "PT4H"}}, "test.variants", "too_short"),
        (
            {"test": {"variants": [VARIANTS[0]] * 2, "decideAfter": "PT4H"}},
            "test.variants",
            "value_error",
        ),
        (
            {"test": {"variants": VARIANTS, "decideAfter": "PT4H", "fraction": 0}},
            "test.fraction",
            "greater_than",
        ),
        ({"replyTo": "no address"}, "replyTo", "value_error"),
    ],
)
async def test_a_draft_that_is_refused(
    api: httpx.AsyncClient, fields: dict[str, Any], field: str, code: str
) -> None:
    answer = await api.post(HERE, json=draft(**fields))
    assert answer.status_code == 422, answer.text
    assert fields_of(answer.json()).get(field) == code, answer.text


async def test_an_idempotency_key_makes_one(api: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": uuid4().hex}
    first, second = [await api.post(HERE, json=draft(), headers=headers) for _ in range(2)]
    assert first.json()["id"] == second.json()["id"]
    other = await api.post(HERE, json=draft(name="Other"), headers=headers)
    assert other.status_code in {409, 422}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""), ("PUT", ""), ("POST", "/send"), ("POST", "/schedule"), ("POST", "/pause"),
        ("POST", "/resume"), ("POST", "/cancel"), ("POST", "/test"), ("POST", "/winner"),
        ("GET", "/metrics"), ("GET", "/recipients"), ("GET", "/recipients/ann"),
    ],
)  # fmt: skip
async def test_one_that_is_not_there(api: httpx.AsyncClient, method: str, path: str) -> None:
    bodies = {"/test": {"addresses": ["a@example.com"]}, "/winner": {"variant": "A"},
              "/schedule": {"schedule": {"at": in_an_hour()}}}  # fmt: skip
    body = {} if method == "GET" else {"json": bodies.get(path, {})}
    answer = await api.request(method, f"{HERE}/{uuid4()}{path}", **body)
    refusal(answer, 404, "campaign_not_found")
    bad = await api.request(method, f"{HERE}/not-an-id{path}", **body)
    refusal(bad, 422, "validation_error")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", HERE), ("POST", HERE), ("GET", f"{HERE}/{{id}}"), ("PUT", f"{HERE}/{{id}}"),
        ("POST", f"{HERE}/{{id}}/send"), ("POST", f"{HERE}/{{id}}/schedule"),
        ("POST", f"{HERE}/{{id}}/pause"), ("POST", f"{HERE}/{{id}}/resume"),
        ("POST", f"{HERE}/{{id}}/cancel"), ("POST", f"{HERE}/{{id}}/test"),
        ("POST", f"{HERE}/{{id}}/winner"), ("GET", f"{HERE}/{{id}}/metrics"),
        ("GET", f"{HERE}/{{id}}/recipients"), ("GET", f"{HERE}/{{id}}/recipients/ann"),
    ],
)  # fmt: skip
async def test_each_call_needs_its_scope(
    api: httpx.AsyncClient, app: FastAPI, actor: Actor, method: str, path: str
) -> None:
    """Reading does not write, and writing does not read."""
    wrong = "campaigns:write" if method == "GET" else "campaigns:read"
    async with client(app, await actor.key(wrong, "notifications:write")) as other:
        answer = await other.request(method, path.format(id=uuid4()), json={})
    refusal(answer, 403, "missing_scope")
    async with client(app) as nobody:
        assert (await nobody.request(method, path.format(id=uuid4()))).status_code == 401


async def test_a_campaign_from_its_draft_to_its_end(api: httpx.AsyncClient, actor: Actor) -> None:
    users = [await actor.user() for _ in range(3)]
    left = await actor.user()
    answer = await api.delete(f"/users/{left}/subscriptions/announcement")
    assert answer.is_success, answer.text
    campaign = await made(api, audience={"userIds": [*users, left]})
    sent = await told(api, campaign, "send")
    assert (sent["status"], sent["recipients"]) == ("running", None)
    await work(actor, campaign)
    shown = (await api.get(f"{HERE}/{campaign['id']}")).json()
    assert (shown["status"], shown["recipients"]) == ("completed", 4)
    assert shown["startedAt"] <= shown["completedAt"]
    metrics = (await api.get(f"{HERE}/{campaign['id']}/metrics")).json()
    assert (metrics["recipients"], metrics["sent"], metrics["failed"], metrics["pending"]) == (
        4, 3, 0, 0,
    )  # fmt: skip
    assert metrics["skipped"] == {"unsubscribed": 1}
    assert metrics["estimatedEnd"] is None

    path = f"{HERE}/{campaign['id']}/recipients"
    first = (await api.get(path, params={"limit": 3})).json()
    rest = (await api.get(path, params={"limit": 3, "cursor": first["nextCursor"]})).json()
    assert rest["nextCursor"] is None
    assert first["recipientsKept"] is rest["recipientsKept"] is True
    found = {item["userId"]: item for item in [*first["data"], *rest["data"]]}
    assert set(found) == {*users, left}
    assert found[left]["reason"] == "unsubscribed"
    assert all(found[user]["providerMessageId"] for user in users)
    skipped = (await api.get(path, params={"status": "skipped"})).json()
    assert [item["userId"] for item in skipped["data"]] == [left]
    none = (await api.get(path, params={"reason": "no_address"})).json()
    assert none["data"] == []
    told_of = (await api.get(f"{path}/{left}")).json()
    assert (told_of["campaignId"], told_of["userId"]) == (campaign["id"], left)
    assert told_of["summary"].startswith("Not sent on email because the user unsubscribed")
    [line] = told_of["lines"]
    assert {name: line[name] for name in found[left] if name != "userId"} == {
        name: value for name, value in found[left].items() if name != "userId"
    }
    assert [event["event"] for event in line["timeline"]] == ["planned", "skipped"]
    assert (line["now"], line["links"]) == (None, {})
    [line] = (await api.get(f"{path}/{users[0]}")).json()["lines"]
    events = {event["event"]: event for event in line["timeline"]}
    assert events["sent"]["detail"]["providerMessageId"] == line["providerMessageId"]
    assert events["intent"]["detail"] == {"provider": "resend"}
    refusal(await api.get(f"{path}/nobody-of-it"), 404, "recipient_not_found")
    refusal(await api.get(f"{path}/%20"), 422, "validation_error")
    refusal(await api.get(path, params={"cursor": "nonsense"}), 422, "invalid_cursor")
    refusal(await api.get(path, params={"status": "lost"}), 422, "validation_error")
    refusal(await api.get(path, params={"limit": 0}), 422, "validation_error")


async def test_what_is_over_stays_over(api: httpx.AsyncClient, actor: Actor) -> None:
    campaign = await made(api, audience={"userIds": [await actor.user()]})
    await told(api, campaign, "send")
    await work(actor, campaign)
    path = f"{HERE}/{campaign['id']}"
    for word, code in (
        ("send", "campaign_not_draft"), ("pause", "campaign_not_running"),
        ("resume", "campaign_not_paused"), ("cancel", "campaign_over"),
    ):  # fmt: skip
        refusal(await api.post(f"{path}/{word}", json={}), 409, code)
    later = {"schedule": {"at": in_an_hour()}}
    refusal(await api.post(f"{path}/schedule", json=later), 409, "campaign_not_draft")
    refusal(await api.put(path, json={"name": "Other"}), 409, "campaign_under_way")
    winner = await api.post(f"{path}/winner", json={"variant": "A"})
    refusal(winner, 409, "campaign_not_testing")


async def test_a_draft_cannot_be_paused(api: httpx.AsyncClient) -> None:
    path = f"{HERE}/{(await made(api))['id']}"
    refusal(await api.post(f"{path}/pause", json={}), 409, "campaign_not_running")
    refusal(await api.post(f"{path}/resume", json={}), 409, "campaign_not_paused")
    refusal(await api.post(f"{path}/winner", json={"variant": "A"}), 409, "campaign_not_testing")


async def test_scheduled_rescheduled_paused_resumed_cancelled(api: httpx.AsyncClient) -> None:
    campaign = await made(api)
    path = f"{HERE}/{campaign['id']}"
    missing = await api.post(f"{path}/schedule", json={})
    assert fields_of(refusal(missing, 422, "schedule_missing")) == {"schedule": "schedule_missing"}
    for past in (
        {"at": "2020-01-01T00:00:00Z"},
        {"localTime": "09:00", "date": "2020-01-01"},
    ):
        refusal(await api.post(f"{path}/schedule", json={"schedule": past}), 422, "schedule_past")
    scheduled = await told(api, campaign, "schedule", schedule={"at": in_an_hour()})
    assert scheduled["status"] == "scheduled"
    local = {"localTime": "09:00", "date": "2099-06-01", "timezone": "Europe/Berlin"}
    again = await told(api, campaign, "schedule", schedule=local)
    assert again["startsAt"] == "2099-05-31T19:00:00Z", "when it is nine in the first zone"
    weekly = {"schedule": {"cron": "0 9 * * MON"}}
    refusal(await api.post(f"{path}/schedule", json=weekly), 409, "campaign_schedule_kind")
    assert (await told(api, campaign, "pause"))["status"] == "paused"
    refusal(await api.post(f"{path}/send", json={}), 409, "campaign_not_draft")
    assert (await told(api, campaign, "pause"))["status"] == "paused"
    assert (await told(api, campaign, "resume"))["status"] == "scheduled"
    cancelled = await told(api, campaign, "cancel")
    assert (cancelled["status"], cancelled["outcome"]) == ("cancelled", "cancelled")
    assert (await told(api, campaign, "cancel"))["status"] == "cancelled"


async def test_a_recurring_one_stays_recurring(api: httpx.AsyncClient) -> None:
    campaign = await made(api, schedule={"cron": "0 9 * * MON", "timezone": "Europe/Berlin"})
    scheduled = await told(api, campaign, "schedule")
    assert scheduled["status"] == "scheduled"
    first = datetime.fromisoformat(scheduled["startsAt"])
    assert (first.weekday(), first.minute) == (0, 0)
    assert first > datetime.now(UTC)
    once = {"schedule": {"at": in_an_hour()}}
    answer = await api.post(f"{HERE}/{campaign['id']}/schedule", json=once)
    refusal(answer, 409, "campaign_schedule_kind")
    for never in ("0 99 * * *", "0 0 31 2 *", "0 9 * * FOO"):
        answer = await api.post(
            f"{HERE}/{campaign['id']}/schedule", json={"schedule": {"cron": never}}
        )
        assert fields_of(refusal(answer, 422, "cron_invalid")) == {"schedule.cron": "cron_invalid"}
    await told(api, campaign, "schedule", schedule={"cron": "0 10 1 * *"})
    await told(api, campaign, "cancel")


async def test_words_change_while_it_waits_and_nothing_else(api: httpx.AsyncClient) -> None:
    campaign = await made(api)
    path = f"{HERE}/{campaign['id']}"
    changed = await api.put(path, json={"name": "Autumn", "audience": {"everyone": True}})
    assert (changed.json()["name"], changed.json()["audience"]["everyone"]) == ("Autumn", True)
    await told(api, campaign, "schedule", schedule={"at": in_an_hour()})
    changed = await api.put(path, json={"subject": "Newer", "rate": {"perMinute": 5}})
    assert (changed.json()["subject"], changed.json()["rate"]["perMinute"]) == ("Newer", 5)
    answer = await api.put(path, json={"audience": {"userIds": ["b"]}})
    refusal(answer, 409, "campaign_under_way")
    for gone in ("name", "audience", "type", "data"):
        refused = await api.put(path, json={gone: None})
        assert refused.status_code in {409, 422}, refused.text
    refusal(await api.put(path, json={"subject": "{% bad"}), 422, "subject_invalid")
    half = await api.put(path, json={"title": None})
    assert fields_of(refusal(half, 422, "validation_error")) == {"content": "validation_error"}
    await told(api, campaign, "cancel")


async def test_cancelled_in_the_middle_the_answer_has_the_accounts(
    api: httpx.AsyncClient, actor: Actor
) -> None:
    users = [await actor.user() for _ in range(3)]
    campaign = await made(api, audience={"userIds": users}, rate={"perMinute": 2})
    await told(api, campaign, "send")
    await work(actor, campaign, finish=False)
    said = await told(api, campaign, "cancel")
    assert (said["sent"], said["skipped"], said["pending"]) == (2, {"cancelled": 1}, 0)
    metrics = (await api.get(f"{HERE}/{campaign['id']}/metrics")).json()
    assert {name: said[name] for name in metrics} == metrics


async def test_a_winner_by_hand(api: httpx.AsyncClient, actor: Actor) -> None:
    users = [await actor.user() for _ in range(12)]
    test = {"variants": VARIANTS, "decideAfter": "PT4H", "fraction": 0.5, "winner": "manual"}
    campaign = await made(api, audience={"userIds": users}, test=test)
    await told(api, campaign, "send")
    await work(actor, campaign, finish=False)
    path = f"{HERE}/{campaign['id']}"
    assert (await api.get(path)).json()["status"] == "testing"
    unknown = await api.post(f"{path}/winner", json={"variant": "C"})
    assert fields_of(refusal(unknown, 422, "unknown_variant")) == {"variant": "unknown_variant"}
    chosen = await told(api, campaign, "winner", variant="B")
    assert (chosen["winner"], chosen["reason"]) == ("B", "winner_by_hand")
    again = await api.post(f"{path}/winner", json={"variant": "A"})
    refusal(again, 409, "campaign_not_testing")
    metrics = (await api.get(f"{path}/metrics")).json()
    assert metrics["winner"] == "B"
    assert [variant["name"] for variant in metrics["variants"]] == ["A", "B"]
    result = metrics["testResult"]
    assert (result["metric"], result["verdict"]) == ("click", "inconclusive")
    assert [one["interval"] is not None for one in result["variants"]] == [True, True]
    assert result["comparisons"][0]["significant"] is False
    await told(api, campaign, "cancel")


async def test_a_test_send(api: httpx.AsyncClient, actor: Actor) -> None:
    campaign = await made(api, test={"variants": VARIANTS, "decideAfter": "PT4H"})
    user = await actor.user(name="Ada")
    body = {"addresses": ["ann@example.com"], "userId": user}
    answer = await api.post(f"{HERE}/{campaign['id']}/test", json=body)
    assert answer.status_code == 200, answer.text
    messages = answer.json()["messages"]
    assert [(m["address"], m["variant"], m["error"]) for m in messages] == [
        ("ann@example.com", "A", None), ("ann@example.com", "B", None),
    ]  # fmt: skip
    assert all(m["providerMessageId"] for m in messages)
    path = f"{HERE}/{campaign['id']}/test"
    for bad in ([], ["no address"], ["a@example.com"] * 21):
        refusal(await api.post(path, json={"addresses": bad}), 422, "validation_error")
    nobody = {"addresses": ["a@example.com"], "userId": "nobody-at-all"}
    refusal(await api.post(path, json=nobody), 404, "user_not_found")
    inbox = await made(api, channels=["websocket"])
    answer = await api.post(f"{HERE}/{inbox['id']}/test", json=body)
    refusal(answer, 409, "campaign_without_email")


async def test_long_after_its_end_the_accounts_are_left(
    api: httpx.AsyncClient, actor: Actor
) -> None:
    users = [await actor.user() for _ in range(3)]
    campaign = await made(api, audience={"userIds": users}, test=TEST | {"fraction": 1})
    await told(api, campaign, "send")
    await work(actor, campaign)
    path = f"{HERE}/{campaign['id']}"
    before = (await api.get(f"{path}/metrics")).json()
    assert before["sent"] == 3
    assert (await api.get(f"{path}/recipients")).json()["recipientsKept"] is True
    kept = actor.container.settings.campaign_recipients_kept_days
    async with actor.container.uow() as tx:
        await tx.campaigns._db.execute(
            "update campaigns set completed_at = now() - make_interval(days => $2) where id = $1",
            UUID(campaign["id"]),
            kept + 1,
        )
    assert await actor.container.maintenance.run(MaintenanceStep.CAMPAIGNS) == 3
    assert (await api.get(f"{path}/metrics")).json() == before
    assert (await api.get(f"{path}/recipients")).json() == {
        "data": [], "nextCursor": None, "recipientsKept": False,
    }  # fmt: skip
    refusal(await api.get(f"{path}/recipients/{users[0]}"), 404, "recipients_not_kept")
