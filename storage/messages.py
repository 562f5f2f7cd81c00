"""What each channel's message of a notification was, as it was last handed to a provider.

Words and numbers are sealed with the user's key: without it the row only says that there was one.
"""

from typing import Any
from uuid import UUID

from domain.ports.messages import EmailRecord, PushRecord, SmsRecord
from storage.encryption import KeyRing, Sealer
from storage.engine import Connection

_OF_KEY = "where exists (select 1 from user_keys where user_id = $1 and wrapped_key = $2)"
_EMAIL = f"""
    insert into email_notifications (notification_id, subject, html_content, text_content,
        from_address, reply_to_address, tracking_enabled)
    select $3, $4, $5, $6, $7, $8, $9 {_OF_KEY}
    on conflict (notification_id) do update set subject = excluded.subject,
        html_content = excluded.html_content, text_content = excluded.text_content,
        from_address = excluded.from_address, reply_to_address = excluded.reply_to_address,
        tracking_enabled = excluded.tracking_enabled
"""
_SMS = f"""
    insert into sms_notifications (notification_id, phone_number, message, country_code,
        character_count, opt_out_instructions)
    select $3, $4, $5, $6, $7, $8 {_OF_KEY}
    on conflict (notification_id) do update set phone_number = excluded.phone_number,
        message = excluded.message, country_code = excluded.country_code,
        character_count = excluded.character_count,
        opt_out_instructions = excluded.opt_out_instructions
"""
_PUSH = """
    insert into push_notifications (notification_id, badge, sound, actions, image_url,
        click_action)
    values ($1, $2, $3, $4, $5, $6)
    on conflict (notification_id) do update set badge = excluded.badge, sound = excluded.sound,
        actions = excluded.actions, image_url = excluded.image_url,
        click_action = excluded.click_action
"""


class SqlMessages:
    """Implements `MessageRepository`."""

    def __init__(self, connection: Connection, keys: KeyRing) -> None:
        self._db = connection
        self._keys = keys

    async def keep_email(self, user_id: str, notification_id: UUID, email: EmailRecord) -> None:
        async def attempt(sealer: Sealer) -> bool | None:
            return await self._write(
                _EMAIL,
                user_id,
                sealer,
                notification_id,
                *sealed_email(sealer, email),
            )

        await self._keys.write(self._db, user_id, attempt)

    async def keep_sms(self, user_id: str, notification_id: UUID, sms: SmsRecord) -> None:
        async def attempt(sealer: Sealer) -> bool | None:
            return await self._write(
                _SMS,
                user_id,
                sealer,
                notification_id,
                sealer.seal("number", sms.number),
                sealer.seal("message", sms.text),
                sms.country or "",
                sms.characters,
                sms.opt_out_instructions,
            )

        await self._keys.write(self._db, user_id, attempt)

    async def keep_push(self, notification_id: UUID, push: PushRecord) -> None:
        actions = [dict(action) for action in push.actions] or None
        values = (push.badge, push.sound, actions, push.image_url, push.click_action)
        await self._db.execute(_PUSH, notification_id, *values)

    async def _write(
        self, statement: str, user_id: str, sealer: Sealer, *values: object
    ) -> bool | None:
        done = await self._db.execute(statement, user_id, sealer.wrapped, *values)
        return True if done == "INSERT 0 1" else None


def sealed_email(sealer: Sealer, email: EmailRecord) -> tuple[Any, ...]:
    """(subject, html, text, sender, reply_to, tracked) as stored."""
    return (
        sealer.seal("subject", email.subject),
        sealer.seal("html", email.html),
        sealer.seal("text", email.text),
        email.sender,
        sealer.seal("reply_to", email.reply_to),
        email.tracked,
    )
