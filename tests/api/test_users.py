"""Users, their tokens, and their devices."""

from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from tests.api.conftest import Actor, client, fields_of, refusal


def name() -> str:
    return f"user-{uuid4().hex[:12]}"


async def test_a_user_is_created_then_replaced(api: httpx.AsyncClient) -> None:
    user = name()
    profile = {
        "email": "ada@example.com", "emailVerified": True, "phone": "0151 12345678",
        "name": "Ada", "locale": "de", "timezone": "Europe/Berlin", "country": "de",
        "attributes": {"role": "candidate", "score": 1.5},
    }  # fmt: skip
    made = await api.put(f"/users/{user}", json=profile)
    assert made.status_code == 201, made.text
    shown = made.json()
    assert shown["phone"] == "+4915112345678"
    assert shown["country"] == "DE"
    assert {k: shown[k] for k in profile if k not in {"phone", "country"}} == {
        k: v for k, v in profile.items() if k not in {"phone", "country"}
    }
    replaced = await api.put(f"/users/{user}", json={"name": "Grace"})
    assert replaced.status_code == 200
    found = (await api.get(f"/users/{user}")).json()
    assert (found["id"], found["name"], found["email"], found["phone"]) == (
        user, "Grace", None, None,
    )  # fmt: skip
    assert found["createdAt"] == shown["createdAt"]


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"email": "not an address"}, "email", "value_error"),
        ({"phone": "12"}, "phone", "invalid_phone"),
        ({"phone": "0151 12345678"}, "phone", "invalid_phone"),
        ({"timezone": "Mars/Olympus"}, "timezone", "value_error"),
        ({"locale": "!!"}, "locale", "string_pattern_mismatch"),
        ({"country": "ZZ"}, "country", "value_error"),
        ({"id": "other"}, "id", "unknown_field"),
        ({"name": "x" * 256}, "name", "string_too_long"),
    ],
)
async def test_a_bad_profile_is_refused_by_field(
    api: httpx.AsyncClient, change: dict[str, str], field: str, code: str
) -> None:
    answer = await api.put(f"/users/{name()}", json=change)
    assert answer.status_code == 422, answer.text
    assert fields_of(answer.json()) == {field: code}


async def test_a_strange_id_is_refused(api: httpx.AsyncClient) -> None:
    answer = await api.put("/users/%20x", json={})
    assert fields_of(refusal(answer, 422, "validation_error")) == {
        "userId": "string_pattern_mismatch"
    }


async def test_users_are_listed_in_pages(api: httpx.AsyncClient) -> None:
    made = {name() for _ in range(3)}
    for user in made:
        await api.put(f"/users/{user}", json={})
    seen: list[str] = []
    cursor = None
    while True:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await api.get("/users", params=params)).json()
        seen += [user["id"] for user in page["data"]]
        if (cursor := page["nextCursor"]) is None:
            break
    assert made <= set(seen)
    assert len(seen) == len(set(seen))


async def test_an_erased_user_is_gone_and_gets_nothing_more(
    api: httpx.AsyncClient, actor: Actor
) -> None:
    user = await actor.user(phone="+4915112345678")
    waiting = await actor.send(user, scheduledAt="2027-12-01T09:00:00Z")
    assert (await api.delete(f"/users/{user}")).status_code == 204
    refusal(await api.get(f"/users/{user}"), 404, "user_not_found")
    refusal(await api.delete(f"/users/{user}"), 404, "user_not_found")
    left = (await api.get(f"/notifications/{waiting['id']}")).json()
    assert (left["status"], left["title"], left["content"]) == ("cancelled", None, None)
    body = {"userId": user, "type": "job_match", "title": "T", "content": "C"}
    refusal(await api.post("/notifications", json=body), 422, "unknown_user")


async def test_a_token_is_short_lived_and_its_own_users(
    api: httpx.AsyncClient, app: FastAPI, actor: Actor
) -> None:
    user = await actor.user()
    made = await api.post(f"/users/{user}/tokens", json={"expiresIn": "PT1M"})
    assert made.status_code == 201
    assert made.json()["userId"] == user
    without_body = await api.post(f"/users/{user}/tokens")
    assert without_body.status_code == 201
    refusal(await api.post("/users/nobody/tokens", json={}), 404, "user_not_found")
    for lifetime in ("PT0S", "P2D", "-PT1M"):
        answer = await api.post(f"/users/{user}/tokens", json={"expiresIn": lifetime})
        assert "expiresIn" in fields_of(refusal(answer, 422, "validation_error"))
    token = made.json()["token"]
    async with client(app, token) as mine:
        assert (await mine.get(f"/users/{user}/notifications")).status_code == 200
    head, claims, signature = token.split(".")
    for forged in (f"{head}.{claims}.{signature[::-1]}", f"{head}.{claims}.", "a.b.c"):
        async with client(app, forged) as stranger:
            answer = await stranger.get(f"/users/{user}/notifications")
            refusal(answer, 401, "invalid_credentials")


async def test_devices_are_registered_changed_and_forgotten(
    api: httpx.AsyncClient, actor: Actor
) -> None:
    user = await actor.user()
    path = f"/users/{user}/devices"
    body = {"token": "fcm:token/1", "platform": "android", "provider": "firebase",
            "appVersion": "1.2", "locale": "de"}  # fmt: skip
    made = await api.post(path, json=body)
    assert made.status_code == 201, made.text
    assert {k: made.json()[k] for k in body} == body
    assert (await api.post(path, json=body)).status_code == 201
    assert [d["token"] for d in (await api.get(path)).json()["data"]] == ["fcm:token/1"]
    changed = await api.put(f"{path}/fcm:token/1", json={"token": "new", "platform": "ios"})
    assert (changed.json()["token"], changed.json()["platform"]) == ("new", "ios")
    refusal(await api.put(f"{path}/fcm:token/1", json={"platform": "ios"}), 404,
            "device_not_found")  # fmt: skip
    assert (await api.delete(f"{path}/new")).status_code == 204
    refusal(await api.delete(f"{path}/new"), 404, "device_not_found")
    assert (await api.get(path)).json() == {"data": [], "nextCursor": None}


async def test_a_device_moves_with_its_token(api: httpx.AsyncClient, actor: Actor) -> None:
    one, other = await actor.user(), await actor.user()
    body = {"token": f"t-{uuid4()}", "platform": "web"}
    await api.post(f"/users/{one}/devices", json=body)
    await api.post(f"/users/{other}/devices", json=body)
    assert (await api.get(f"/users/{one}/devices")).json()["data"] == []
    assert len((await api.get(f"/users/{other}/devices")).json()["data"]) == 1


async def test_a_bad_device_is_refused(api: httpx.AsyncClient, actor: Actor) -> None:
    path = f"/users/{await actor.user()}/devices"
    answer = await api.post(path, json={"token": "", "platform": "fridge", "x": 1})
    assert fields_of(refusal(answer, 422, "validation_error")) == {
        "token": "string_too_short", "platform": "enum", "x": "unknown_field",
    }  # fmt: skip
    good = {"token": "t", "platform": "web"}
    refusal(await api.post("/users/nobody/devices", json=good), 404, "user_not_found")
    odd = {"token": "cU1:APA91b", "platform": "web", "provider": "onesignal"}
    answer = await api.post(path, json=odd)
    assert fields_of(refusal(answer, 422, "invalid_token")) == {"token": "invalid_token"}
    refusal(await api.get("/users/nobody/devices"), 404, "user_not_found")
