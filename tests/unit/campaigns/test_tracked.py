"""The tokens of a campaign's tracking links: what they say, and that none can be put together."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.callbacks import EngagementKind
from domain.campaigns.tracked import click_token, read_campaign_tracked, recipient_token
from domain.enums import Channel
from domain.tracking import MAX_TOKEN, Tracked, read_tracked

KEY = b"k" * 32
OTHER = b"o" * 32
ID = UUID("01890000-0000-7000-8000-000000000001")
URL = "https://x.example/a?b=ü"

ordinals = st.integers(0, 2**31 - 1)
urls = st.builds("https://x.example/{}".format, st.text(st.characters(codec="utf-8"), max_size=30))


@given(st.uuids(), ordinals, urls)
def test_tokens_say_who_and_where(campaign_id: UUID, ordinal: int, url: str) -> None:
    named = recipient_token(KEY, campaign_id, ordinal)
    opened = Tracked(EngagementKind.OPENED, campaign_id, Channel.EMAIL, None, ordinal)
    assert read_campaign_tracked(KEY, named) == opened
    token = click_token(KEY, named, campaign_id, url)
    clicked = Tracked(EngagementKind.CLICKED, campaign_id, Channel.EMAIL, url, ordinal)
    assert read_campaign_tracked(KEY, token) == clicked
    assert re.fullmatch(r"[A-Za-z0-9_.-]+", token)
    assert read_campaign_tracked(OTHER, token) is None
    assert read_tracked(KEY, token) is None
    assert read_tracked(KEY, named) is None


@given(st.data())
def test_a_changed_byte_makes_a_token_nobodys(data: st.DataObject) -> None:
    halves = click_token(KEY, recipient_token(KEY, ID, 7), ID, URL).split(".")
    which = data.draw(st.integers(0, 1))
    blob = bytearray(urlsafe_b64decode(halves[which] + "=" * (-len(halves[which]) % 4)))
    blob[data.draw(st.integers(0, len(blob) - 1))] ^= data.draw(st.integers(1, 255))
    halves[which] = urlsafe_b64encode(blob).decode().rstrip("=")
    assert read_campaign_tracked(KEY, ".".join(halves)) is None


def test_a_recipient_of_one_campaign_is_not_led_where_another_leads() -> None:
    other = click_token(KEY, "x", UUID(int=8), URL).partition(".")[2]
    assert read_campaign_tracked(KEY, f"{recipient_token(KEY, ID, 7)}.{other}") is None


@pytest.mark.parametrize("url", ["javascript:alert(1)", "ftp://x.y", "//x.y", ""])
def test_only_the_web_is_redirected_to(url: str) -> None:
    token = click_token(KEY, recipient_token(KEY, ID, 7), ID, url)
    assert read_campaign_tracked(KEY, token) is None


@given(st.text(max_size=100))
def test_nonsense_is_no_token(text: str) -> None:
    assert read_campaign_tracked(KEY, text) is None


def test_the_longest_url_that_is_tracked_fits() -> None:
    url = "https://x.example/" + "ü" * 1491
    assert len(url.encode()) == 3_000
    assert len(click_token(KEY, recipient_token(KEY, ID, 2**31 - 1), ID, url)) <= MAX_TOKEN
