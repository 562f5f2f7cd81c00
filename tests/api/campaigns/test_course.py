"""Campaigns over HTTP: sending, steering, and the accounts."""

from datetime import UTC, datetime
from uuid import UUID

import httpx

from domain.enums import MaintenanceStep
from tests.api.campaigns.calls import HERE, TEST, VARIANTS, in_an_hour, made, told, work
from tests.api.conftest import Actor, fields_of, refusal


async def recipients(api: httpx.AsyncClient, actor: Actor) -> tuple[list[str], str]:
    """Three who may be written to, and one who unsubscribed."""
    users = [await actor.user() for _ in range(3)]
    left = await actor.user()
    answer = await api.delete(f"/users/{left}/subscriptions/announcement")
    assert answer.is_success, answer.text
    return users, left


async def test_a_campaign_from_its_draft_to_its_end(api: httpx.AsyncClient, actor: Actor) -> None:
    users, left = await recipients(api, actor)
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


async def test_a_campaigns_recipients_are_listed_each_with_its_story(
    api: httpx.AsyncClient, actor: Actor
) -> None:
    users, left = await recipients(api, actor)
    campaign = await made(api, audience={"userIds": [*users, left]})
    await told(api, campaign, "send")
    await work(actor, campaign)
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
