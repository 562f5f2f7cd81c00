"""Which template a notification is written with: its version, its language, its channels."""

import asyncio
from uuid import UUID, uuid4

import pytest

from domain.enums import Channel
from domain.errors import Invalid
from domain.preferences import Preferences
from domain.records.catalogue import TemplateVersion
from templates.validation import SAMPLE_CONTEXT
from tests.integration.conftest import Core, now


async def publish(core: Core, key: str, subject: str, locale: str = "en", **parts: object) -> None:
    channels = {"email": {"subject": subject, "text": "x"}} | parts
    async with core.uow() as tx:
        await tx.catalogue.add_template_version(
            TemplateVersion(key, locale, 0, None, channels, {}, {}, "published", now())
        )
    await asyncio.sleep(0.002)  # two instants a clock can tell apart


async def subject_of(core: Core, item: UUID) -> str | None:
    await core.plan(item)
    await core.deliver(item)
    return core.provider.sent[-1].message.subject


@pytest.mark.parametrize("locale", [None, "en"])
async def test_a_version_published_after_accepting_is_not_used(
    core: Core, locale: str | None
) -> None:
    key, user = f"pinned-{uuid4().hex[:8]}", await core.user(locale="de")
    await publish(core, key, "First")
    words = {"title": None, "content": None}
    named = {"key": key} | ({"locale": locale} if locale else {})
    before = await core.accept(user, template=named, data={"n": 1}, **words)
    await publish(core, key, "Second")
    await publish(core, key, "Zweite", "de")
    other = Core(core.uow)  # a worker that remembers nothing
    other.provider = core.provider
    after = await other.accept(user, template=named, data={"n": 2}, **words)
    assert await subject_of(other, before) == "First"
    assert await subject_of(other, after) == ("Second" if locale else "Zweite")


async def test_a_callers_own_words_stand_in_the_readers_language(core: Core) -> None:
    german, chose_french = await core.user(locale="de-AT"), await core.user(locale="de")
    async with core.uow() as tx:
        await tx.users.put_preferences(Preferences(user_id=chose_french, language="fr"), now())
    for user, word in (
        (german, "Abmelden"), (chose_french, "Se désabonner"), (await core.user(), "Unsubscribe"),
        (await core.user(locale="ja"), "Unsubscribe"),
    ):  # fmt: skip
        await subject_of(core, await core.accept(user))
        message = core.provider.sent[-1].message
        assert word in (message.html or ""), word
        assert word in message.text


def leaves(value: object, path: str) -> list[str]:
    if isinstance(value, dict) and value:
        return [leaf for key, item in value.items() for leaf in leaves(item, f"{path}.{key}")]
    return [path]


async def test_what_a_template_may_read_when_it_is_saved_is_there_when_it_is_sent(
    core: Core,
) -> None:
    names = [leaf for name, held in SAMPLE_CONTEXT.items() for leaf in leaves(held, name)]
    names = [name for name in names if not name.endswith(".attributes")]
    assert {"locale", "notification.priority", "links.unsubscribe"} <= set(names)
    key = f"reads-{uuid4().hex[:8]}"
    text = " ".join(f"<{name}={{{{ {name} }}}}>" for name in names if name != "recommendations")
    await publish(core, key, "All", email={"subject": "All", "text": text, "layout": "none"})
    item = await core.accept(
        await core.user(locale="de"), title=None, content=None, template={"key": key},
        priority="high",
    )  # fmt: skip
    await subject_of(core, item)
    sent = core.provider.sent[-1].message.text
    assert "<notification.priority=high>" in sent
    assert "<locale=en>" in sent, "the language it is written in"


async def test_a_template_is_asked_only_for_the_channels_it_has_words_for(core: Core) -> None:
    key, user = f"mail-only-{uuid4().hex[:8]}", await core.user(phone="+4915112345678")
    await publish(core, key, "By mail")
    words = {"title": None, "content": None, "template": {"key": key}}
    item = await core.accept(user, channels=None, **words)  # the type's: websocket and email
    assert (await core.view(item)).notification.channels == (Channel.EMAIL,)
    with pytest.raises(Invalid) as refused:
        await core.accept(user, channels=["email", "sms"], **words)
    assert refused.value.code == "template_channel_missing"
    assert "sms" in refused.value.detail


async def test_an_email_is_set_in_a_layout_of_ones_own(core: Core) -> None:
    key, frame = f"framed-{uuid4().hex[:8]}", f"frame-{uuid4().hex[:8]}"
    await publish(core, frame, "-", email=_frame("Brand one"))
    await publish(core, frame, "-", "de", email=_frame("Marke eins"))
    body = {"subject": "Framed", "html": "<p class='big'>{{ user.name }}</p>", "layout": frame}
    await publish(core, key, "-", email=body)
    await publish(core, key, "-", "de", email=body)
    words = {"title": None, "content": None, "template": {"key": key}}
    items = [
        await core.accept(await core.user(locale=tag, name="Ada"), **words) for tag in ("en", "de")
    ]
    await publish(core, frame, "-", email=_frame("Brand two"))
    later = Core(core.uow)
    later.provider = core.provider
    for item, brand in zip(items, ("Brand one", "Marke eins"), strict=True):
        await subject_of(later, item)
        message = core.provider.sent[-1].message
        assert brand in (message.html or ""), "the layout there was when it was accepted"
        assert brand in message.text
        assert 'style="color: #123456;">Ada</p>' in (message.html or ""), "its styles are inlined"


def _frame(brand: str) -> dict[str, object]:
    style = "<style>.big { color: #123456; }</style>"
    page = f"<html><head>{style}</head><body><h1>{brand}</h1>{{{{ content }}}}</body></html>"
    return {"subject": "-", "html": page}
