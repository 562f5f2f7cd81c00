"""At rest nothing personal is readable, and what a user's key sealed opens with that key only."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import asyncpg
import pytest

from domain.content import (
    AttachmentSource,
    Content,
    EmailOptions,
    PushAction,
    PushOptions,
    SmsOptions,
)
from domain.enums import Channel, Platform, PushVendor
from domain.errors import Invalid
from domain.ids import new_id
from domain.paging import PageRequest
from domain.ports.idempotency import StoredResponse
from domain.records.people import Device, Suppression
from storage.encryption import KeyRing, Sealer
from tests.integration.storage.conftest import MASTER, Ledger, a_notification, a_user, now

Another = Callable[..., AbstractAsyncContextManager[Ledger]]

EVERYTHING = Content(
    title="Verbatim title",
    content="Verbatim words",
    data={"jobId": "verbatim-data", "nested": {"n": [1, 2.5, None, True]}},
    email=EmailOptions(
        subject="Verbatim subject",
        reply_to="verbatim.reply@example.com",
        attachments=(
            AttachmentSource(
                filename="verbatim.pdf", content_type="application/pdf", content=b"JVBERg=="
            ),
        ),
    ),
    sms=SmsOptions(sender_id="VerbatimSender"),
    push=PushOptions(
        badge=3,
        sound="verbatim-sound",
        image_url="https://verbatim.example/i.png",
        actions=(PushAction(id="apply", title="Verbatim action"),),
    ),
)


async def test_all_parts_of_a_content_come_back_as_they_went(ledger: Ledger) -> None:
    item = await ledger.notification(await ledger.user(), EVERYTHING)
    async with ledger.uow() as tx:
        view = await tx.notifications.get(item.id)
    assert view is not None
    assert view.content == EVERYTHING


async def test_no_table_holds_a_personal_word(ledger: Ledger, sql: asyncpg.Connection) -> None:
    user = await ledger.user(
        "erin", email="Verbatim.Mail@example.com", phone="+4915112345678", name="Verbatim Name",
        attributes={"role": "open-attribute"},
    )  # fmt: skip
    item = await ledger.notification(user, EVERYTHING, channels=(Channel.WEBSOCKET,))
    async with ledger.uow() as tx:
        await tx.devices.register(
            Device(
                new_id(), user, "verbatim-token", Platform.IOS, PushVendor.FIREBASE, now(), now()
            )
        )
        await tx.operations.suppress(
            Suppression(
                new_id(), Channel.EMAIL, "bounced", "test", now(), user, "verbatim.gone@example.com"
            )
        )
        await tx.inbox.add(user, item.id, now(), title="Verbatim inbox", body="Verbatim body")
        await tx.idempotency.claim(scope="s", key="k", body_hash="h", now=now(), resource_id=None)
        await tx.idempotency.complete(
            scope="s", key="k", response=StoredResponse(202, b"verbatim response")
        )
    tables = await sql.fetch(
        "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where c.relkind in ('r', 'm') and n.nspname = 'public'"
        " and c.relname <> 'template_versions'"
    )
    assert len(tables) > 30
    dump = ""
    for table in tables:
        rows = await sql.fetch(f'select t::text as line from "{table["relname"]}" t')
        dump += "\n".join(row["line"] for row in rows)
    assert user in dump
    assert dump.count("open-attribute") == 1, "segments compare attributes, and nothing else"
    assert "verbatim" not in dump.lower()
    assert "15112345678" not in dump


async def test_a_sealed_value_opens_only_for_its_owner_and_field() -> None:
    ring = KeyRing(MASTER)
    key = b"k" * 32
    sealed = Sealer(key, "ada").seal("title", "words")
    assert Sealer(key, "ada").open("title", sealed) == "words"
    assert Sealer(key, "ada").open("content", sealed) is None
    assert Sealer(key, "bob").open("title", sealed) is None
    assert Sealer(b"x" * 32, "ada").open("title", sealed) is None
    assert ring.system.open("title", sealed) is None
    assert Sealer(key, "ada").seal("title", "words") != sealed


async def test_another_process_reads_what_this_one_sealed(ledger: Ledger, another: Another) -> None:
    item = await ledger.notification(await ledger.user(), EVERYTHING)
    async with another() as other, other.uow() as tx:
        view = await tx.notifications.get(item.id)
    assert view is not None
    assert view.content == EVERYTHING


async def test_a_new_master_key_takes_over_and_the_old_one_still_opens(
    ledger: Ledger, another: Another, sql: asyncpg.Connection
) -> None:
    old = await ledger.user(email="before@example.com")
    async with another(master={"newer": b"n" * 32, **MASTER}) as rotated:
        async with rotated.uow() as tx:
            before = await tx.users.get(old)
        new = await rotated.user(email="after@example.com")
    assert before is not None
    assert before.email == "before@example.com"
    kept = "select master_key_id from user_keys where user_id = $1"
    assert await sql.fetchval(kept, old) == "test"
    assert await sql.fetchval(kept, new) == "newer"


async def test_a_lost_master_key_is_said_plainly(ledger: Ledger, another: Another) -> None:
    user = await ledger.user()
    async with another(master={"other": b"o" * 32}) as stranger:
        with pytest.raises(KeyError, match="no master key test"):
            async with stranger.uow() as tx:
                await tx.users.get(user)


class Lost(Exception):
    """Something later in the transaction failed."""


async def test_a_user_whose_first_write_was_rolled_back_can_be_written_again(
    ledger: Ledger, another: Another
) -> None:
    user = a_user(email="second.try@example.com")
    with pytest.raises(Lost):
        async with ledger.uow() as tx:
            await tx.users.put(user)
            raise Lost
    await ledger.user(user.id, email=user.email)
    async with another() as other, other.uow() as tx:
        found = await tx.users.get(user.id)
    assert found is not None
    assert found.email == "second.try@example.com"


async def test_erased_users_contents_are_unreadable_at_once_in_every_process(
    ledger: Ledger, another: Another
) -> None:
    user = await ledger.user()
    item = await ledger.notification(user, EVERYTHING, channels=(Channel.WEBSOCKET,))
    async with ledger.uow() as tx:
        await tx.inbox.add(user, item.id, now(), title="Words", body="Words")
    async with another() as other:
        async with other.uow() as tx:
            seen = await tx.notifications.get(item.id)
        assert seen is not None
        assert seen.content == EVERYTHING
        async with ledger.uow() as tx:
            assert await tx.users.delete(user)
        for process in (ledger, other):
            async with process.uow() as tx:
                view = await tx.notifications.get(item.id)
                assert view is not None
                assert view.content == Content()
                job = await tx.deliveries.load_job(item.id, Channel.EMAIL)
                assert job is not None
                assert (job.content, job.targets, job.user.email) == (Content(), (), None)
                page = await tx.inbox.list(user, unread_only=False, page=PageRequest())
                assert [entry.view.content for entry in page.items] == [Content()]
                assert await tx.users.get(user) is None
            with pytest.raises(Invalid, match="no user"):
                await process.notification(user)


async def test_a_user_who_comes_back_is_readable_in_every_process(
    ledger: Ledger, another: Another
) -> None:
    user = await ledger.user()
    await ledger.notification(user)
    async with another() as other:
        await other.notification(user)
        async with ledger.uow() as tx:
            await tx.users.delete(user)
        await ledger.user(user, email="back@example.com")
        ours = await ledger.notification(user, EVERYTHING)
        theirs = await other.notification(user, EVERYTHING)
        await other.user(user, email="again@example.com")
        for process in (ledger, other):
            async with process.uow() as tx:
                for item in (ours, theirs):
                    view = await tx.notifications.get(item.id)
                    assert view is not None
                    assert view.content == EVERYTHING
                found = await tx.users.get(user)
            assert found is not None
            assert found.email == "again@example.com"


async def test_many_at_once_go_in_with_each_users_key(ledger: Ledger, another: Another) -> None:
    users = [await ledger.user() for _ in range(5)]
    items = [(a_notification(users[n % 5]), Content(title=f"{n}", content="C")) for n in range(50)]
    async with ledger.uow() as tx:
        await tx.notifications.insert(items)
    async with another() as other, other.uow() as tx:
        for item, content in items:
            view = await tx.notifications.get(item.id)
            assert view is not None
            assert view.content == content


@pytest.mark.parametrize("extra", [0, 3])
async def test_an_unknown_user_is_named_and_nothing_stored(ledger: Ledger, extra: int) -> None:
    user = await ledger.user()
    known: list[Any] = [(a_notification(user), Content(title="x")) for _ in range(extra)]
    missing = (a_notification("nobody-here"), Content(title="x"))
    with pytest.raises(Invalid, match="nobody-here") as refused:
        async with ledger.uow() as tx:
            await tx.notifications.insert([*known, missing])
    assert refused.value.code == "unknown_user"
    async with ledger.uow() as tx:
        for item, _ in [*known, missing]:
            assert await tx.notifications.get(item.id) is None
