"""The SMS compliance report and the estimate of a message's price, over HTTP."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.api.conftest import Actor, client, fields_of, refusal

REPORT = "/reports/sms-compliance"
ESTIMATE = "/sms/estimate"
GERMAN = "+4915123456789"


@pytest.fixture(scope="module")
async def sent(api: httpx.AsyncClient, actor: Actor) -> dict[str, Any]:
    """One SMS to Germany that went out, one to France that nobody agreed to; then a refusal."""
    user = await actor.user(phone=GERMAN)
    item = await actor.send(user, channels=["sms"], content="Welcome!")
    await actor.work(item["id"])
    other = await actor.user(phone="+33612345678")
    refused = await actor.send(other, type="job_match", channels=["sms"])
    await actor.work(refused["id"])
    for granted in (True, False):
        body = {"granted": granted, "source": "form", "text": "May we text you?"}
        answer = await api.put(f"/users/{user}/consents/sms", json=body)
        assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = (await api.get(f"/notifications/{item['id']}")).json()
    assert shown["deliveries"][0]["status"] == "sent", shown
    return shown | {"user": user}


async def report(api: httpx.AsyncClient, **params: str) -> dict[str, Any]:
    answer = await api.get(REPORT, params=params)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def test_the_report_tells_what_became_of_each_countrys_sms(
    api: httpx.AsyncClient, sent: dict[str, Any]
) -> None:
    shown = await report(api)
    rows = {row["country"]: row for row in shown["data"]}
    assert set(rows) == {"DE", "FR"}
    assert (rows["DE"]["sent"], rows["DE"]["segments"]) == (1, 1)
    assert (rows["DE"]["optIns"], rows["DE"]["optOuts"]) == (1, 1)
    assert (rows["FR"]["sent"], rows["FR"]["skippedByConsent"]) == (0, 1)
    assert (shown["total"]["sent"], shown["total"]["country"]) == (1, None)
    period = [datetime.fromisoformat(shown[name]) for name in ("from", "to")]
    assert period[1] - period[0] == timedelta(days=30)


async def test_one_country_and_one_period(api: httpx.AsyncClient, sent: dict[str, Any]) -> None:
    assert [row["country"] for row in (await report(api, country="fr"))["data"]] == ["FR"]
    now = datetime.now(UTC)
    earlier = {"from": "2020-01-01T00:00:00Z", "to": "2020-02-01T00:00:00Z"}
    assert (await report(api, **earlier))["data"] == []
    today = {"from": (now - timedelta(hours=1)).isoformat(), "to": now.isoformat()}
    assert (await report(api, **today))["total"]["sent"] == 1


@pytest.mark.parametrize(
    ("params", "headers"),
    [({"format": "csv"}, {}), ({}, {"accept": "text/csv"}), ({}, {"accept": "text/csv;q=1, */*"})],
)
async def test_csv_has_the_same_figures(
    api: httpx.AsyncClient, sent: dict[str, Any], params: dict[str, str], headers: dict[str, str]
) -> None:
    answer = await api.get(REPORT, params=params, headers=headers)
    assert answer.headers["content-type"].startswith("text/csv")
    assert ".csv" in answer.headers["content-disposition"]
    lines = list(csv.DictReader(io.StringIO(answer.text)))
    rows = (await report(api))["data"]
    assert [line["country"] for line in lines] == [row["country"] for row in rows]
    for line, row in zip(lines, rows, strict=True):
        counts = {name: str(value) for name, value in row.items() if isinstance(value, int)}
        assert {name: line[name] for name in counts} == counts
        assert set(line) == set(row)


async def test_json_when_asked_for_whatever_is_accepted(api: httpx.AsyncClient) -> None:
    answer = await api.get(REPORT, params={"format": "json"}, headers={"accept": "text/csv"})
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("params", "field", "code"),
    [
        ({"from": "yesterday"}, "from", "datetime_from_date_parsing"),
        ({"from": "2026-01-01T00:00:00"}, "from", "timezone_aware"),
        ({"country": "Germany"}, "country", "value_error"),
        ({"format": "xml"}, "format", "literal_error"),
        ({"since": "x", "colour": "red"}, "colour", "unknown_field"),
        ({"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "from", "invalid_period"),
        ({"from": "2024-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "from", "invalid_period"),
    ],
)
async def test_periods_that_are_none(
    api: httpx.AsyncClient, params: dict[str, str], field: str, code: str
) -> None:
    answer = await api.get(REPORT, params=params)
    assert answer.status_code == 422, answer.text
    assert fields_of(answer.json())[field] == code


async def test_scopes(app: FastAPI, actor: Actor) -> None:
    async with client(app, await actor.key("analytics:read")) as reader:
        assert (await reader.get(REPORT)).status_code == 200
        refusal(await reader.post(ESTIMATE, json={}), 403, "missing_scope")
    async with client(app, await actor.key("notifications:read")) as reader:
        refusal(await reader.get(REPORT), 403, "missing_scope")
        priced = await reader.post(ESTIMATE, json={"country": "DE", "text": "x"})
        assert priced.status_code == 200


async def estimate(api: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await api.post(ESTIMATE, json=body)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def test_a_text_is_measured_and_priced(api: httpx.AsyncClient) -> None:
    assert await estimate(api, to="0151 23456789", country="DE", text="Grüße " * 40) == {
        "encoding": "GSM-7", "characters": 240, "units": 240, "segments": 2, "country": "DE",
        "optOutInstructions": None,
        "prices": [
            {"provider": "sns", "perSegment": 10.719, "total": 21.438, "currency": "USD",
             "estimate": False, "asOf": "2026-03"},
            {"provider": "twilio", "perSegment": 11.2, "total": 22.4, "currency": "USD",
             "estimate": False, "asOf": "2026-09-08"},
        ],
    }  # fmt: skip


async def test_the_country_is_the_numbers(api: httpx.AsyncClient) -> None:
    assert (await estimate(api, to="+33612345678", country="DE", text="x"))["country"] == "FR"
    unknown = await estimate(api, to="+870773123456", text="x")
    assert unknown["country"] is None
    assert all(price["estimate"] for price in unknown["prices"])


async def test_with_a_type_the_opt_out_words_are_counted(api: httpx.AsyncClient) -> None:
    body = {"country": "DE", "text": "a" * 150, "language": "de"}
    plain = await estimate(api, **body, type="security_alert")
    assert (plain["segments"], plain["optOutInstructions"]) == (1, None)
    promotional = await estimate(api, **body, type="newsletter")
    assert promotional["segments"] == 2
    assert promotional["optOutInstructions"] == "Zum Abmelden mit STOP antworten."


async def test_a_template_is_rendered_first(api: httpx.AsyncClient) -> None:
    template = {
        "key": "texted", "status": "published", "channels": {"sms": {"body": "Hi {{ data.name }}"}},
        "example": {"name": "Ada"},
    }  # fmt: skip
    assert (await api.post("/templates", json=template)).status_code == 201
    assert (await estimate(api, country="DE", template="texted"))["characters"] == 6
    named = await estimate(api, country="DE", template="texted", data={"name": "Ł" * 68})
    assert (named["encoding"], named["segments"]) == ("UCS-2", 2)
    missing = await api.post(ESTIMATE, json={"country": "DE", "template": "nothing"})
    refusal(missing, 404, "template_not_found")


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({}, "body", "value_error"),
        ({"text": "x"}, "body", "value_error"),
        ({"country": "DE"}, "body", "value_error"),
        ({"country": "DE", "text": "x", "template": "y"}, "body", "value_error"),
        ({"country": "XX", "text": "x"}, "country", "value_error"),
        ({"to": "12", "text": "x"}, "to", "invalid_phone"),
        ({"to": "0151 23456789", "text": "x"}, "to", "invalid_phone"),
        ({"country": "DE", "text": "x", "type": "nothing"}, "type", "unknown_type"),
    ],
)
async def test_estimates_that_cannot_be_made(
    api: httpx.AsyncClient, body: dict[str, str], field: str, code: str
) -> None:
    answer = await api.post(ESTIMATE, json=body)
    assert answer.status_code == 422, answer.text
    assert fields_of(answer.json()) == {field: code}


async def test_each_answer_to_a_consent_is_kept_with_its_words(
    api: httpx.AsyncClient, actor: Actor, app: FastAPI
) -> None:
    user = await actor.user()
    path = f"/users/{user}/consents/sms"
    given = [
        {"granted": n % 2 == 0, "source": f"form {n}", "text": f"Text {n}?",
         "at": f"2026-01-0{n + 1}T12:00:00Z"}
        for n in range(3)
    ]  # fmt: skip
    for answer in given:
        assert (await api.put(path, json=answer)).status_code == 200
    assert (await api.get(path)).json() == given[2] | {"type": "sms"}
    first = (await api.get(f"{path}/history", params={"limit": 2})).json()
    assert first["data"] == [answer | {"type": "sms"} for answer in (given[2], given[1])]
    rest = await api.get(f"{path}/history", params={"limit": 2, "cursor": first["nextCursor"]})
    assert rest.json() == {"data": [given[0] | {"type": "sms"}], "nextCursor": None}
    assert (await api.get(f"/users/{user}/consents/marketing/history")).json()["data"] == []
    refusal(await api.get("/users/nobody/consents/sms/history"), 404, "user_not_found")
    async with client(app, await actor.token(user)) as own:
        assert len((await own.get(f"{path}/history")).json()["data"]) == 3
        other = await own.get(f"/users/{await actor.user()}/consents/sms/history")
        refusal(other, 403, "missing_scope")
