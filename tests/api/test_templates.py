"""Templates and notification types."""

import itertools
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from domain.enums import Channel
from templates.catalogue import load_starter_templates
from tests.api.conftest import Actor, client, fields_of, refusal


def template(**change: object) -> dict[str, object]:
    return {
        "key": f"t-{uuid4().hex[:8]}", "type": "job_match", "locale": "en",
        "channels": {
            "email": {"subject": "Hi {{ user.name }}", "html": "<p>{{ data.job }}</p>"},
            "sms": {"body": "Job: {{ data.job }}"},
            "push": {"title": "New", "body": "{{ data.job }}"},
            "websocket": {"title": "New", "body": "{{ data.job }}"},
        },
        "variables": {"type": "object", "properties": {"job": {"type": "string"}}},
        "example": {"job": "Welder"}, "status": "published",
    } | change  # fmt: skip


async def test_a_template_has_versions_and_locales(api: httpx.AsyncClient) -> None:
    body = template()
    made = await api.post("/templates", json=body)
    assert made.status_code == 201, made.text
    shown = made.json()
    assert {name: shown[name] for name in body} == body
    assert (shown["version"], shown["locales"]) == (1, ["en"])
    path = f"/templates/{body['key']}"
    refusal(await api.post("/templates", json=body), 409, "template_exists")
    german = await api.post("/templates", json=body | {"locale": "de_DE"})
    assert german.json()["locales"] == ["de-DE", "en"]
    second = await api.put(path, json={"channels": {"sms": {"body": "Neu"}}, "status": "draft"})
    assert second.status_code == 200
    assert (second.json()["version"], second.json()["type"]) == (2, "job_match")
    assert list(second.json()["channels"]) == ["sms"]
    newest = (await api.get(path)).json()
    assert (newest["locale"], newest["version"]) == ("en", 2)
    assert (await api.get(path, params={"locale": "de"})).json()["locale"] == "de-DE"
    old = (await api.get(path, params={"version": 1})).json()
    assert old["channels"] == body["channels"]
    refusal(await api.get(path, params={"version": 9}), 404, "template_not_found")
    listed = (await api.get("/templates", params={"limit": 200})).json()["data"]
    [entry] = [item for item in listed if item["key"] == body["key"]]
    assert entry["locales"] == ["de-DE", "en"]
    assert (await api.delete(path)).status_code == 204
    for call in (api.get(path), api.delete(path), api.put(path, json={"status": "draft"})):
        refusal(await call, 404, "template_not_found")


async def test_each_channel_is_previewed(api: httpx.AsyncClient) -> None:
    body = template()
    await api.post("/templates", json=body)
    path = f"/templates/{body['key']}/render"
    asked = {"channel": "email", "data": {"job": "<b>Cook</b>"}, "user": {"name": "Ada"}}
    email = (await api.post(path, json=asked)).json()
    assert email["subject"] == "Hi Ada"
    assert "&lt;b&gt;Cook&lt;/b&gt;" in email["html"]
    assert email["text"]
    sms = (await api.post(path, json={"channel": "sms"})).json()
    assert sms == {"channel": "sms", "text": "Job: Welder"}
    push = (await api.post(path, json={"channel": "push", "data": {"job": "Cook"}})).json()
    assert (push["title"], push["text"]) == ("New", "Cook")
    missing = await api.post(path, json={"channel": "sms", "data": {}})
    assert fields_of(refusal(missing, 422, "variable_missing")) == {"data.job": "variable_missing"}
    only_sms = template(channels={"sms": {"body": "x"}}, variables={}, example={})
    await api.post("/templates", json=only_sms)
    refusal(
        await api.post(f"/templates/{only_sms['key']}/render", json={"channel": "push"}),
        404, "template_channel_not_found",
    )  # fmt: skip
    refusal(await api.post("/templates/no-such/render", json={"channel": "sms"}), 404,
            "template_not_found")  # fmt: skip


async def test_every_starter_is_previewed_with_its_example(api: httpx.AsyncClient) -> None:
    listed = (await api.get("/templates", params={"limit": 200})).json()["data"]
    starters = {t.key: t for t in load_starter_templates()}
    assert {item["key"] for item in listed} >= set(starters)
    for key, locale, channel in itertools.product(starters, ("en", "de", "fr"), Channel):
        asked = {"channel": channel, "locale": locale}
        answer = await api.post(f"/templates/{key}/render", json=asked)
        assert answer.status_code == 200, (key, locale, channel, answer.text)
        shown = answer.json()
        words = [word for name, word in shown.items() if name != "channel"]
        assert len(words) == {"email": 3, "sms": 1}.get(channel, 2), (key, locale, channel)
        assert all(word.strip() for word in words), (key, locale, channel, shown)


async def test_a_preview_knows_every_name_a_template_may_read(api: httpx.AsyncClient) -> None:
    names = ["user.phone", "user.country", "notification.priority", "notification.type", "locale",
             "links.unsubscribe", "links.preferences"]  # fmt: skip
    words = " ".join(f"{{{{ {name} }}}}" for name in names)
    body = template(channels={"sms": {"body": words}}, variables={}, example={}, locale="de")
    assert (await api.post("/templates", json=body)).status_code == 201
    shown = await api.post(f"/templates/{body['key']}/render", json={"channel": "sms"})
    assert shown.status_code == 200, shown.text
    assert " medium job_match de " in shown.json()["text"]


async def test_what_it_needs_is_told_before_anything_is_sent(
    api: httpx.AsyncClient, actor: Actor
) -> None:
    """Without an example, too: then nothing is tried out."""
    schema = {"type": "object", "properties": {"city": {}}, "required": ["city"]}
    body = template(
        channels={"sms": {"body": "{{ user.name }}: {{ data.job }}{% if data.city %}!{% endif %}"}},
        variables=schema, example={},
    )  # fmt: skip
    made = await api.post("/templates", json=body)
    assert made.status_code == 201, made.text
    assert made.json()["requiredVariables"] == ["data.city", "data.job", "user.name"]
    shown = (await api.get(f"/templates/{body['key']}")).json()
    assert shown["requiredVariables"] == ["data.city", "data.job", "user.name"]
    wanted = {"userId": await actor.user(), "type": "job_match", "channels": ["sms"],
              "template": {"key": body["key"]}}  # fmt: skip
    problem = refusal(await api.post("/notifications", json=wanted), 422, "variable_missing")
    assert set(fields_of(problem)) == {"data.city", "data.job"}
    wrong = template(channels={"sms": {"body": "{{ user.nmae }}"}}, variables={}, example={})
    problem = refusal(await api.post("/templates", json=wrong), 422, "template_invalid")
    assert problem["errors"][0]["field"] == "channels.sms.body"


async def test_a_layout_is_a_template_that_leaves_room(api: httpx.AsyncClient) -> None:
    page = "<html><body><h1>Brand</h1>{{ content }}</body></html>"
    frame = template(
        channels={"email": {"subject": "-", "html": page}}, type=None, variables={}, example={}
    )
    framed = template(channels={"email": {"subject": "Hi", "html": "<p>{{ data.job }}</p>",
                                          "layout": frame["key"]}})  # fmt: skip
    problem = refusal(await api.post("/templates", json=framed), 422, "template_invalid")
    assert fields_of(problem) == {"channels.email.layout": "unknown_layout"}
    assert (await api.post("/templates", json=frame)).status_code == 201
    assert (await api.post("/templates/validate", json=framed)).json()["valid"] is True
    assert (await api.post("/templates", json=framed)).status_code == 201
    path = f"/templates/{framed['key']}/render"
    shown = (await api.post(path, json={"channel": "email"})).json()
    assert "<h1>Brand</h1><p>Welder</p>" in shown["html"]
    for channels, code in (
        ({"sms": {"body": "x"}}, "layout_invalid"),
        ({"email": {"subject": "-", "html": "<html><body>full</body></html>"}}, "layout_invalid"),
    ):
        odd = frame | {"key": f"t-{uuid4().hex[:8]}", "channels": channels}
        assert (await api.post("/templates", json=odd)).status_code == 201
        framed["channels"]["email"]["layout"] = odd["key"]  # type: ignore[index]
        checked = (await api.post("/templates/validate", json=framed)).json()
        assert [problem["code"] for problem in checked["problems"]] == [code]


async def test_a_broken_template_is_refused_and_explained(api: httpx.AsyncClient) -> None:
    broken = template(channels={"sms": {"body": "{% for x in y %}"}})
    problem = refusal(await api.post("/templates", json=broken), 422, "template_invalid")
    assert problem["errors"][0]["field"] == "channels.sms.body"
    checked = (await api.post("/templates/validate", json=broken)).json()
    assert checked["valid"] is False
    assert checked["problems"][0]["path"] == "channels.sms.body"
    good = (await api.post("/templates/validate", json=template())).json()
    assert good == {"valid": True, "problems": []}
    body = template()
    await api.post("/templates", json=body)
    worse = await api.put(f"/templates/{body['key']}", json={"channels": broken["channels"]})
    refusal(worse, 422, "template_invalid")
    assert (await api.get(f"/templates/{body['key']}")).json()["version"] == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"key": "UPPER"}, "key"),
        ({"channels": {}}, "channels"),
        ({"channels": {"fax": {}}}, "channels.fax"),
        ({"status": "ready"}, "status"),
        ({"colour": 1}, "colour"),
        ({"type": "unheard_of"}, "type"),
        ({"channels": {"sms": {"body": "x", "colour": "y"}}}, "channels.sms.colour"),
    ],
)
async def test_a_misshapen_template_is_refused_by_field(
    api: httpx.AsyncClient, change: dict[str, object], field: str
) -> None:
    answer = await api.post("/templates", json=template(**change))
    assert answer.status_code == 422, answer.text
    assert field in fields_of(answer.json()), answer.text


async def test_a_template_is_used_by_its_key(api: httpx.AsyncClient, actor: Actor) -> None:
    body = template()
    await api.post("/templates", json=body)
    user = await actor.user()
    item = await actor.in_inbox(
        user, title=None, content=None, template={"key": body["key"]}, data={"job": "Baker"}
    )
    page = (await api.get(f"/users/{user}/notifications")).json()
    assert [(line["id"], line["title"], line["content"]) for line in page["data"]] == [
        (item["id"], "New", "Baker")
    ]


async def test_the_starter_types_are_there(api: httpx.AsyncClient) -> None:
    types = {item["type"]: item for item in (await api.get("/notification-types")).json()["data"]}
    assert set(types) >= {
        "job_match", "candidate_interest", "recommendation_refresh", "job_alert",
        "application_update", "interview_reminder", "message_received", "security_alert",
        "one_time_code", "account_update", "announcement", "newsletter", "digest",
    }  # fmt: skip
    assert types["one_time_code"]["timeToLive"] == "PT10M"
    assert types["newsletter"]["requiredConsent"] == "marketing"
    assert (await api.get("/notification-types/newsletter")).json() == types["newsletter"]
    refusal(await api.get("/notification-types/unheard_of"), 404, "type_not_found")


async def test_a_type_is_made_changed_and_used_at_once(
    api: httpx.AsyncClient, app: FastAPI, actor: Actor
) -> None:
    name = f"type_{uuid4().hex[:8]}"
    body = {"category": "messages", "defaultChannels": ["push"], "defaultPriority": "low",
            "timeToLive": "P1D", "description": "Made by a test."}  # fmt: skip
    made = await api.put(f"/notification-types/{name}", json=body)
    assert made.status_code == 201, made.text
    changed = await api.put(f"/notification-types/{name}", json=body | {"defaultPriority": "high"})
    assert changed.status_code == 200
    item = await actor.send(await actor.user(), type=name, channels=None)
    assert (item["category"], item["priority"], item["channels"]) == ("messages", "high", ["push"])
    assert item["expiresAt"]
    bad = await api.put(f"/notification-types/{name}", json={"category": "tea"})
    assert set(fields_of(refusal(bad, 422, "validation_error"))) == {"category", "defaultChannels"}
    async with client(app, await actor.key("templates:write")) as author:
        refusal(await author.put(f"/notification-types/{name}", json=body), 403, "missing_scope")
