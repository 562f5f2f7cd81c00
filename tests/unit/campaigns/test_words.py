"""A campaign's words: filled into a copy, they are what rendering for the reader alone gives."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.audience.shapes import Audience
from domain.campaigns.records import Campaign, CampaignStatus
from domain.campaigns.shapes import CampaignWords
from domain.commands import TemplateChoice
from domain.content import RenderedMessage
from domain.enums import Category, Channel
from domain.marks import mark
from domain.ports.campaigns import ChunkLine
from domain.preferences import Preferences
from domain.records.catalogue import NotificationType, TemplateVersion
from domain.records.people import User
from runtime.links import SignedLinks
from services.campaigns.fill import Copy, copies_within
from services.campaigns.words import Edition
from templates.adapter import Templates, starter_versions

NOW = datetime(2026, 12, 1, tzinfo=UTC)
LINKS = SignedLinks("https://herald.example", b"k" * 32)
RENDERER = Templates()
STARTERS = [item for item in starter_versions(NOW) if item.locale == "en"]


def edition(template: TemplateVersion, subject: str | None = None, **data: Any) -> Edition:
    words = CampaignWords(
        template=TemplateChoice(key=template.key),
        subject=subject,
        data={**template.example, **data},
    )
    campaign = Campaign(
        id=UUID(int=7), name="A", type="newsletter", category=Category.MARKETING,
        channels=(Channel.EMAIL,), words=words, audience=Audience(everyone=True),
        status=CampaignStatus.RUNNING, created_at=NOW, updated_at=NOW,
    )  # fmt: skip
    kind = NotificationType("newsletter", Category.MARKETING, (Channel.EMAIL,))
    return Edition(
        campaign, kind, {template.locale: template}, {template.locale: None}, LINKS, RENDERER
    )


def line(**profile: Any) -> ChunkLine:
    fields = {"id": "ada", "email": "ada@example.com", "name": "Ada", "timezone": "UTC"} | profile
    return ChunkLine(
        ordinal=3, channel=Channel.EMAIL, user=User(created_at=NOW, updated_at=NOW, **fields),
        preferences=Preferences(user_id="ada"), consents={}, subscription=None, reach={},
        variant=None, failures=0,
    )  # fmt: skip


def alone(made: Edition, reader: ChunkLine) -> Any:
    """As it is rendered when nothing can be shared."""
    marked = made.email(reader, NOW).message
    [key] = made.copies
    made.copies[key] = None
    rendered = made.email(reader, NOW).message
    return marked, rendered


@pytest.mark.parametrize("template", STARTERS, ids=lambda item: item.key)
@pytest.mark.parametrize("name", ["Ada", "", 'O\'Brien <b> & "Co"', "  two   spaces "])
def test_a_filled_copy_is_what_the_reader_alone_would_get(
    template: TemplateVersion, name: str
) -> None:
    made = edition(template, subject="Hello {{ user.name }}, it is {{ user.country }}")
    reader = line(name=name, country="DE")
    copied, rendered = alone(made, reader)
    assert copied == rendered
    assert "invalid/" not in str(copied)


@pytest.mark.parametrize("template", STARTERS, ids=lambda item: item.key)
def test_every_starter_is_rendered_once_for_all(template: TemplateVersion) -> None:
    made = edition(template)
    for number in range(5):
        made.email(line(id=f"u{number}", name=f"N{number}"), NOW)
    assert [copy is not None for copy in made.copies.values()] == [True]


@given(
    st.fixed_dictionaries(
        {"name": st.text(max_size=40), "email": st.none() | st.emails(), "phone": st.none()}
    )
)
def test_any_name_is_filled_in_as_it_is_rendered(profile: dict[str, Any]) -> None:
    made = edition(STARTERS[0], subject="{{ user.name|default('friend', true) }}!")
    copied, rendered = alone(made, line(**profile))
    assert copied == rendered


@pytest.mark.parametrize(
    "subject",
    [
        "{{ user.name|upper }}",
        "{% if user.name == 'Ada' %}A{% endif %}",
        "{{ user.attributes.role }}",
        "{% for x in user.name %}{{ x }}{% endfor %}",
        "{{ user.email|truncate(5) }}",
    ],
)
def test_what_hangs_on_the_reader_is_rendered_for_each(subject: str) -> None:
    made = edition(STARTERS[0], subject=subject)
    sent = [
        made.email(line(id=i, name=n, email=f"{n}@x.org", attributes={"role": n}), NOW).message
        for i, n in (("a", "Ada"), ("b", "Bob"))
    ]
    assert list(made.copies.values()) == [None]
    assert sent[0].subject != sent[1].subject
    assert "invalid/" not in str(sent[0])


def test_a_tracked_link_that_differs_is_signed_for_each() -> None:
    source = '<html><body><a href="https://x.org/{{ user.id }}">Go</a></body></html>'
    parts = {"email": {"subject": "S", "html": source, "text": "T", "layout": "none"}}
    template = TemplateVersion("own", "en", 1, None, parts, {}, {}, "published", NOW)
    made = edition(template)
    html = made.email(line(), NOW).message.html or ""
    assert "invalid/" not in html
    assert "/api/t/c/" in html
    assert list(made.copies.values()) == [None]


def own(html: str, text: str) -> TemplateVersion:
    parts = {"email": {"subject": "S", "html": html, "text": text, "layout": "none"}}
    return TemplateVersion("own", "en", 1, None, parts, {}, {}, "published", NOW)


@pytest.mark.parametrize(
    "text",
    [
        "https://{{ user.id }}.jobs.example/ and {{ links.unsubscribe }}",
        "https://{{ user.id }}{{ user.name }} http://{{ user.id }}",
        "https://https://{{ links.preferences|link }}https://",
    ],
)
def test_an_address_made_of_a_field_keeps_its_scheme(text: str) -> None:
    made = edition(own("<html><body><p>Hello</p></body></html>", text))
    copied, rendered = alone(made, line(id="alice"))
    assert copied == rendered
    assert "invalid/" not in copied.text


def test_a_mark_something_was_done_to_makes_no_copy() -> None:
    whole = RenderedMessage(subject="S", html="<p></p>", text=mark(0))
    broken = RenderedMessage(subject="S", html=f"<a href='{mark(4, link=True)[:-1]}'>", text="T")
    assert Copy.of(whole) is not None
    assert Copy.of(broken) is None


def test_copies_take_so_many_bytes_and_no_more() -> None:
    made = edition(STARTERS[0])
    made = replace(made, copies=copies_within(200_000))
    for number in range(300):
        made.email(line(timezone=f"Etc/GMT+{number}"), NOW)
    assert 1 < len(made.copies) < 300
    assert made.copies.currsize <= 200_000


def test_a_message_larger_than_all_copies_may_be_is_rendered_all_the_same() -> None:
    made = replace(edition(STARTERS[0]), copies=copies_within(1_000))
    assert made.email(line(), NOW).message.html
    assert not made.copies


def test_editions_share_their_room_and_not_their_copies() -> None:
    shared = copies_within(10_000_000)
    first = replace(edition(STARTERS[0]), copies=shared, number=1)
    other = replace(edition(STARTERS[1]), copies=shared, number=2)
    one, two = first.email(line(), NOW).message, other.email(line(), NOW).message
    assert one.html != two.html
    assert len(shared) == 2
