"""Whatever a caller sends, what goes out is what the vendor's own rules take, within its limits."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.content import PushAction, PushOptions, RenderedMessage
from domain.enums import Category, Channel, Platform, Priority
from domain.ids import new_id
from domain.ports.providers import OutboundMessage
from providers.push.content import compact, content_of
from providers.push.firebase import FirebasePushProvider
from providers.push.firebase_payload import payload_bytes as fcm_bytes
from providers.push.onesignal_payload import (
    MAX_DATA_BYTES,
    MAX_PAYLOAD_BYTES,
    build_payload,
    fitting_payload,
    payload_bytes,
)
from sandbox.vendors.firebase_rules import check_message
from sandbox.vendors.onesignal_rules import check_push

APP = "8250eaf6-1a58-489e-b136-7c74a864b434"
FIREBASE = FirebasePushProvider(
    project_id="demo",
    private_key=None,
    client_email=None,
    api_url="http://127.0.0.1:9",
    timeout=timedelta(seconds=1),
)

text = st.text(st.characters(codec="utf-8"), max_size=400)
long_text = st.builds(lambda part, times: part * times, text, st.integers(1, 30))
links = st.sampled_from(
    ["https://example.com/jobs/1", "http://example.com", "app://jobs", "OPEN", "HTTPS://X.example"]
)
actions = st.builds(
    PushAction,
    id=st.text(st.characters(codec="utf-8"), min_size=1, max_size=64),
    title=st.text(st.characters(codec="utf-8"), min_size=1, max_size=64),
    url=st.none() | st.just("https://example.com/apply"),
)
options = st.builds(
    PushOptions,
    badge=st.none() | st.integers(0, 99_999),
    sound=st.none()
    | st.just("default")
    | st.text(st.characters(codec="utf-8"), min_size=1, max_size=40),
    image_url=st.none()
    | st.builds(lambda n: "https://example.com/" + "i" * n, st.integers(1, 1500)),
    click_action=st.none() | links,
    actions=st.lists(actions, max_size=5).map(tuple),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=5,
)
keys = st.sampled_from(["from", "google.x", "title", "type", "unread", "clickAction"]) | text
messages = st.builds(
    OutboundMessage,
    delivery_id=st.builds(new_id),
    notification_id=st.builds(new_id),
    user_id=st.just("ada"),
    channel=st.just(Channel.PUSH),
    type=st.just("job_match"),
    category=st.just(Category.JOBS),
    priority=st.sampled_from(Priority),
    target=st.builds(lambda: str(uuid4())),
    message=st.builds(
        RenderedMessage,
        title=long_text.filter(bool),
        text=long_text,
        data=st.dictionaries(keys, json_values, max_size=6),
    ),
    platform=st.none() | st.sampled_from(Platform),
    push=st.none() | options,
    time_to_live=st.none() | st.timedeltas(timedelta(days=-1), timedelta(days=60)),
    by_user=st.booleans(),
)


def wire(value: Any) -> Any:
    """As the vendor reads it."""
    return orjson.loads(json.dumps(value))


@settings(deadline=None)
@given(messages)
def test_fcm_takes_what_firebase_is_told(message: OutboundMessage) -> None:
    built = FIREBASE._fitting(message)
    assert built is not None
    encoded = FIREBASE._service.encode(built)
    taken, _ = check_message({"message": wire(encoded)})
    assert fcm_bytes(encoded) <= 4096
    assert taken["data"]["notificationId"] == str(message.notification_id)
    if message.push and message.push.click_action:
        assert taken["data"]["clickAction"] == message.push.click_action


@settings(deadline=None)
@given(messages)
def test_onesignal_takes_what_it_is_told(message: OutboundMessage) -> None:
    payload = fitting_payload(message, content_of(message), APP)
    taken = check_push(wire(payload))
    assert payload_bytes(payload) <= MAX_PAYLOAD_BYTES
    assert len(compact(payload["data"]).encode()) <= MAX_DATA_BYTES
    assert taken["data"]["notificationId"] == str(message.notification_id)
    whole = build_payload(message, content_of(message), APP)
    data = len(compact(whole["data"]).encode())
    if payload_bytes(whole) <= MAX_PAYLOAD_BYTES and data <= MAX_DATA_BYTES:
        assert payload == whole


def test_data_over_its_own_limit_costs_no_picture() -> None:
    """OneSignal limits the data apart from the whole."""
    message = OutboundMessage(
        delivery_id=new_id(),
        notification_id=new_id(),
        user_id="ada",
        channel=Channel.PUSH,
        type="job_match",
        category=Category.JOBS,
        priority=Priority.MEDIUM,
        target=str(uuid4()),
        message=RenderedMessage(title="T", text="B", data={"long": "x" * 2_000, "short": 1}),
        push=PushOptions(image_url="https://example.com/a.png"),
    )
    payload = fitting_payload(message, content_of(message), APP)
    assert payload["big_picture"] == "https://example.com/a.png"
    assert payload["data"].keys() == {"short", "notificationId", "deliveryId", "type"}
