"""Tracked mail: tokens that cannot be forged, who is tracked, what is no person, the whole mail."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace
from html import escape
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.callbacks import EngagementKind
from domain.content import RenderedMessage
from domain.enums import Category, Channel
from domain.records.catalogue import NotificationType
from domain.tracking import (
    MAX_TOKEN,
    Tracked,
    is_automatic,
    read_tracked,
    sign_tracked,
    tracking_of,
)
from runtime.links import SignedLinks
from services.feedback.tracking import tracked_message

KEY = b"k" * 32
OTHER = b"o" * 32
ID = UUID("01890000-0000-7000-8000-000000000001")
LINKS = SignedLinks("https://herald.example/", KEY)
KIND = NotificationType("newsletter", Category.MARKETING, (Channel.EMAIL,))


web = st.builds(
    "{}{}{}".format,
    st.sampled_from(["https://", "http://", "HTTPS://"]),
    st.sampled_from(["x.example", "ü.example", "127.0.0.1:80"]),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30),
).filter(lambda url: url == url.strip("\t\n\f\r "))


urls = st.one_of(web, st.just("https://x.example/" + "ü" * 1491), st.just("http://[::1]/?a=b#c"))
tracked = st.one_of(
    st.builds(Tracked, st.just(EngagementKind.OPENED), st.uuids(), st.sampled_from(Channel)),
    st.builds(Tracked, st.just(EngagementKind.CLICKED), st.uuids(), st.sampled_from(Channel), urls),
)


@given(tracked, st.data())
def test_tokens_say_what_was_signed_and_nothing_else(given_: Tracked, data: st.DataObject) -> None:
    token = sign_tracked(KEY, given_)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", token)
    assert len(token) <= MAX_TOKEN
    assert read_tracked(KEY, token) == given_
    assert sign_tracked(KEY, given_) == token
    assert read_tracked(OTHER, token) is None
    blob = bytearray(urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    blob[data.draw(st.integers(0, len(blob) - 1))] ^= data.draw(st.integers(1, 255))
    assert read_tracked(KEY, urlsafe_b64encode(blob).decode().rstrip("=")) is None


@given(st.text(max_size=100))
def test_nonsense_is_no_token(text: str) -> None:
    assert read_tracked(KEY, text) is None


@pytest.mark.parametrize("url", ["javascript:alert(1)", "ftp://x.y", "//x.y", "", None])
def test_only_the_web_is_redirected_to(url: str | None) -> None:
    token = sign_tracked(KEY, Tracked(EngagementKind.CLICKED, ID, Channel.EMAIL, url))
    assert read_tracked(KEY, token) is None


def test_tokens_are_compact() -> None:
    assert len(sign_tracked(KEY, Tracked(EngagementKind.OPENED, ID, Channel.EMAIL))) == 44


@pytest.mark.parametrize(
    ("opens", "clicks", "consent", "expected"),
    [
        (True, True, None, (True, True)),
        (True, True, True, (True, True)),
        (True, True, False, (False, False)),
        (True, False, None, (True, False)),
        (False, True, True, (False, True)),
        (False, False, True, (False, False)),
    ],
)
def test_the_type_and_the_consent_decide(
    opens: bool, clicks: bool, consent: bool | None, expected: tuple[bool, bool]
) -> None:
    kind = replace(KIND, track_opens=opens, track_clicks=clicks)
    assert tracking_of(kind, consent) == expected


@pytest.mark.parametrize(
    ("method", "headers", "expected"),
    [
        ("GET", {"user-agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0)"}, False),
        ("GET", {}, False),
        ("GET", {"user-agent": "Mozilla/5.0 (via ggpht.com GoogleImageProxy)"}, False),
        ("GET", {"user-agent": "Mozilla/5.0 (Linux; Android 14; CUBOT KINGKONG)"}, False),
        ("HEAD", {"user-agent": "Mozilla/5.0"}, True),
        ("GET", {"purpose": "prefetch"}, True),
        ("GET", {"sec-purpose": "prefetch;prerender"}, True),
        ("GET", {"x-purpose": "preview"}, True),
        ("GET", {"user-agent": "Slackbot-LinkExpanding 1.0"}, True),
        ("GET", {"user-agent": "Mozilla/5.0 (compatible; bingbot/2.0)"}, True),
        ("GET", {"user-agent": "python-httpx/0.28"}, True),
    ],
)
def test_machines_that_say_so_are_not_counted(
    method: str, headers: dict[str, str], expected: bool
) -> None:
    assert is_automatic(method, headers) is expected


HTML = (
    '<html><body><a href="https://x.example/?a=1&amp;b=2">Job</a>'
    f'<a href="{escape(LINKS.unsubscribe("u", "newsletter"))}">Out</a>'
    f'<a href="{LINKS.preferences("u").replace("/", "&#x2f;")}">Choices</a></body></html>'
)


def test_a_message_is_tracked_as_its_type_and_user_allow() -> None:
    message = RenderedMessage(subject="S", html=HTML, text="https://x.example/")
    found = tracked_message(message, LINKS, KIND, None, ID)
    job = LINKS.clicked(ID, Channel.EMAIL, "https://x.example/?a=1&b=2")
    assert found.html is not None
    assert f'<a href="{job}">Job</a>' in found.html
    assert f'<img src="{LINKS.opened(ID, Channel.EMAIL)}"' in found.html
    assert (found.subject, found.text) == ("S", "https://x.example/")
    for own in (LINKS.unsubscribe("u", "newsletter"), LINKS.preferences("u")):
        assert own in found.html.replace("&#x2f;", "/")
    opens = replace(KIND, track_clicks=False)
    assert tracked_message(message, LINKS, opens, None, ID).html == HTML.replace(
        "</body>",
        f"{re.search('<img[^>]*>', found.html)[0]}</body>",  # type: ignore[index]
    )
    assert tracked_message(message, LINKS, KIND, False, ID) is message
    bare = RenderedMessage(subject="S", text="T")
    assert tracked_message(bare, LINKS, KIND, None, ID) is bare


def test_what_is_tracked_is_not_tracked_again() -> None:
    message = RenderedMessage(html=HTML)
    clicks = replace(KIND, track_opens=False)
    once = tracked_message(message, LINKS, clicks, None, ID)
    assert tracked_message(once, LINKS, clicks, None, ID) == once
