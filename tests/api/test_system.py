"""Health, readiness, metrics, documents; and the pages people see."""

import re
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI

from api.app import create_app
from runtime.container import Container
from runtime.embedded.home import free_port
from runtime.settings import Settings
from tests.api.conftest import FIRST_KEY, Actor, client, refusal


@pytest.fixture
async def root(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://herald.test", timeout=30
    )


async def test_it_is_alive_ready_and_measured(root: httpx.AsyncClient) -> None:
    assert (await root.get("/health")).json() == {"status": "ok"}
    ready = await root.get("/ready")
    assert ready.status_code == 200, ready.text
    shown = ready.json()
    assert set(shown["checks"]) >= {"database", "temporal", "cache", "resend", "twilio"}
    assert shown["checks"]["database"]["status"] == "up"
    assert shown["checks"]["database"]["latencyMs"] > 0
    assert shown["checks"]["temporal"]["status"] == "up"
    metrics = await root.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert 'herald_http_requests_total{method="GET",route="/health",status="200"}' in metrics.text


async def test_calls_are_counted_by_route_and_not_by_path(
    root: httpx.AsyncClient, api: httpx.AsyncClient
) -> None:
    await api.get("/users/somebody-in-particular")
    await root.get("/nowhere-in-particular")
    text = (await root.get("/metrics")).text
    assert 'route="/api/users/{user_id}"' in text
    assert "in-particular" not in text


async def ready_without(**settings: str) -> httpx.Response:
    configured = Settings(HERALD_API_KEY=FIRST_KEY, **settings)  # type: ignore[arg-type]
    app = create_app(lambda: Container.open(configured))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://herald.test"
        ) as opened,
    ):
        assert (await opened.get("/health")).status_code == 200
        return await opened.get("/ready")


async def test_without_temporal_it_is_degraded_and_without_a_database_not_ready(
    database: str, redis_url: str, container: Container
) -> None:
    away = f"127.0.0.1:{free_port()}"
    degraded = await ready_without(
        DATABASE_URL=database, REDIS_URL=redis_url, TEMPORAL_ADDRESS=away
    )
    assert (degraded.status_code, degraded.json()["status"]) == (200, "degraded")
    assert degraded.json()["checks"]["temporal"]["status"] == "down"
    lost = await ready_without(
        DATABASE_URL=f"postgresql://herald@{away}/herald",
        REDIS_URL=redis_url,
        TEMPORAL_ADDRESS=container.settings.temporal_address,
    )
    assert (lost.status_code, lost.json()["status"]) == (503, "unavailable")


async def test_without_a_database_a_call_says_so(redis_url: str) -> None:
    away = f"127.0.0.1:{free_port()}"
    configured = Settings(
        HERALD_API_KEY=FIRST_KEY, DATABASE_URL=f"postgresql://herald@{away}/herald",
        REDIS_URL=redis_url, TEMPORAL_ADDRESS=away,
    )  # fmt: skip
    app = create_app(lambda: Container.open(configured))
    async with app.router.lifespan_context(app), client(app, FIRST_KEY) as opened:
        answer = await opened.get("/users")
        refusal(answer, 503, "database_unavailable")
        assert answer.headers["retry-after"]


async def test_the_document_and_its_page_are_there(root: httpx.AsyncClient) -> None:
    document = (await root.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    assert "/api/notifications" in document["paths"]
    assert (await root.get("/docs")).status_code == 200


async def log_in(root: httpx.AsyncClient, key: str = FIRST_KEY) -> httpx.Response:
    return await root.post(
        "/dashboard/login",
        content=f"key={key}",
        headers={"content-type": "application/x-www-form-urlencoded"},
    )


async def test_the_dashboard_wants_a_key(root: httpx.AsyncClient, actor: Actor) -> None:
    assert (await root.get("/")).headers["location"] == "/dashboard"
    assert (await root.get("/dashboard")).status_code == 401
    wrong = await log_in(root, "hk_wrong")
    assert wrong.status_code == 401
    assert "set-cookie" not in wrong.headers
    no_scope = await log_in(root, await actor.key("users:read"))
    assert no_scope.status_code == 401
    good = await log_in(root)
    assert (good.status_code, good.headers["location"]) == (303, "/dashboard")
    cookie = good.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert (await root.get("/dashboard")).status_code == 200
    await root.post("/dashboard/logout")
    assert (await root.get("/dashboard")).status_code == 401


async def test_the_dashboard_shows_notifications_and_their_timeline(
    root: httpx.AsyncClient, actor: Actor
) -> None:
    user = await actor.user()
    item = await actor.send(user, title="<script>alert(1)</script>")
    await actor.work(item["id"])
    await log_in(root)
    listed = await root.get("/dashboard", params={"user": user, "status": "sent", "type": ""})
    assert "&lt;script&gt;" in listed.text
    assert "<script" not in listed.text
    assert "script-src" not in listed.headers["content-security-policy"]
    path = f"/dashboard/notifications/{item['id']}"
    assert f'href="{path}"' in listed.text
    timeline = await root.get(path)
    assert timeline.status_code == 200
    assert "resend" in timeline.text
    assert "quiet_hours" in timeline.text
    assert "<script" not in timeline.text
    assert (await root.get("/dashboard", params={"user": "nobody"})).text.count("<tr>") == 2
    for missing in ("not-an-id", "01890000-0000-7000-8000-000000000000"):
        assert (await root.get(f"/dashboard/notifications/{missing}")).status_code == 404
    assert (await root.get("/dashboard", params={"cursor": "zz"})).status_code == 422


async def test_the_dashboard_pages(root: httpx.AsyncClient, actor: Actor) -> None:
    user = await actor.user()
    for _ in range(51):
        await actor.send(user)
    await log_in(root)
    first = await root.get("/dashboard", params={"user": user})
    [older] = re.findall(r'href="(/dashboard\?[^"]*cursor=[^"]*)"', first.text)
    second = await root.get(older.replace("&amp;", "&"))
    assert second.text.count('href="/dashboard/notifications/') == 1


async def test_one_click_unsubscribes_and_a_look_does_not(
    api: httpx.AsyncClient, root: httpx.AsyncClient, actor: Actor, container: Container
) -> None:
    user = await actor.user()
    link = urlsplit(container.links.unsubscribe(user, "job_alert")).path
    subscriptions = f"/users/{user}/subscriptions"
    asked = await root.get(link)
    assert (asked.status_code, asked.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "<form" in asked.text
    assert (await api.get(subscriptions)).json()["data"] == []
    for _ in range(2):
        clicked = await root.post(
            link,
            content="List-Unsubscribe=One-Click",
            headers={"content-type": "application/x-www-form-urlencoded"},
        )
        assert clicked.status_code == 200
    [chosen] = (await api.get(subscriptions)).json()["data"]
    assert (chosen["type"], chosen["channels"]) == ("job_alert", [])
    item = await actor.send(user, type="job_alert")
    await actor.work(item["id"])
    shown = (await api.get(f"/notifications/{item['id']}")).json()
    assert (shown["status"], shown["reason"]) == ("skipped", "unsubscribed")
    for forged in (link[:-2] + "xx", "/api/unsubscribe/nonsense", "/api/unsubscribe/é"):
        for method in ("GET", "POST"):
            refusal(await root.request(method, forged), 404, "link_not_valid")


async def test_the_preference_page_changes_what_its_user_changes(
    api: httpx.AsyncClient, root: httpx.AsyncClient, actor: Actor, container: Container
) -> None:
    user = await actor.user()
    link = urlsplit(container.links.preferences(user)).path
    shown = await root.get(link)
    assert shown.status_code == 200
    assert shown.text.count(" checked") == 7, "neither SMS nor newsletters without a consent"
    form = {"content-type": "application/x-www-form-urlencoded"}
    ticked = "channel=email&channel=push&channel=websocket"
    kept = "category=applications&category=jobs&category=messages"
    saved = await root.post(link, content=f"{ticked}&{kept}", headers=form)
    assert "Saved" in saved.text
    preferences = (await api.get(f"/users/{user}/preferences")).json()
    assert not any(channel["chosen"] for channel in preferences["channels"].values())
    assert list(preferences["categories"]) == ["announcements"]
    assert preferences["categories"]["announcements"]["enabled"] is False
    await root.post(link, content="channel=sms", headers=form)
    changed = (await api.get(f"/users/{user}/preferences")).json()["channels"]
    assert [name for name, channel in changed.items() if channel["enabled"]] == ["sms"]
    unsubscribe = container.links.unsubscribe(user, "job_alert").rpartition("/")[2]
    for strange in ("nonsense", unsubscribe):
        for method in ("GET", "POST"):
            assert (await root.request(method, f"/preferences/{strange}")).status_code == 404
