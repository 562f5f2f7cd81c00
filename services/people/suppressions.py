"""Suppressions: addresses nothing is sent to, whoever asks."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from pydantic import TypeAdapter, ValidationError
from pydantic.networks import EmailStr

from domain.enums import Channel, ConsentType
from domain.errors import FieldError, Invalid, NotFound
from domain.ids import new_id
from domain.paging import Page, PageRequest
from domain.ports.phone import PhoneFormatter
from domain.ports.runtime import Clock
from domain.ports.storage import Transaction, UnitOfWork
from domain.receipts import OPTED_OUT, SMS_REPLY
from domain.records.operations import AuditEntry
from domain.records.people import Suppression, User

_EMAIL: TypeAdapter[str] = TypeAdapter(EmailStr)
_ADDRESSED = (Channel.EMAIL, Channel.SMS)


async def suppress_target(
    tx: Transaction,
    user_id: str,
    channel: Channel,
    reason: str,
    source: str,
    at: datetime,
    address: str | None = None,
) -> Suppression | None:
    """Suppresses the address a message to this user went to: the one given, or else the user's
    of today. None when there is none, as on push."""
    user = await tx.users.get(user_id)
    todays = _address(user, channel) if user else None
    target = address or todays
    if target is None or channel not in _ADDRESSED:
        return None
    theirs = todays is not None and target.casefold() == todays.casefold()
    return await tx.operations.suppress(
        Suppression(
            id=new_id(),
            channel=channel,
            reason=reason,
            source=source,
            created_at=at,
            user_id=user_id if theirs else None,
            address=target,
        )
    )


async def _restore_opt_out(tx: Transaction, lifted: Suppression) -> None:
    """An address has one suppression, the gravest; whoever sent STOP still has to send START."""
    number = lifted.address
    if lifted.channel is not Channel.SMS or lifted.reason == OPTED_OUT or number is None:
        return
    for user_id in await tx.callbacks.users_with_phone(number):
        last = await tx.callbacks.last_answer(user_id, ConsentType.SMS, SMS_REPLY)
        if last is not None and not last.granted:
            await tx.operations.suppress(
                replace(
                    lifted, id=new_id(), reason=OPTED_OUT, source=SMS_REPLY, created_at=last.at,
                    user_id=user_id, expires_at=None,
                )
            )  # fmt: skip
            return


def _address(user: User, channel: Channel) -> str | None:
    return user.email if channel is Channel.EMAIL else user.phone


class SuppressionService:
    def __init__(self, uow: UnitOfWork, format_phone: PhoneFormatter, clock: Clock) -> None:
        self._uow = uow
        self._format_phone = format_phone
        self._clock = clock

    async def add(
        self,
        channel: Channel,
        address: str,
        reason: str,
        expires_at: datetime | None,
        actor: str,
    ) -> tuple[Suppression, bool]:
        """The suppression, and whether it is new. Raises `Invalid` for what is no address."""
        now = self._clock()
        wanted = Suppression(
            id=new_id(),
            channel=channel,
            reason=reason,
            source=actor,
            created_at=now,
            address=self._checked(channel, address),
            expires_at=expires_at,
        )
        async with self._uow() as tx:
            held = await tx.operations.suppress(wanted)
            if held.id == wanted.id:
                await tx.operations.audit(
                    AuditEntry(now, actor, "suppression.added", f"suppression:{held.id}")
                )
        return held, held.id == wanted.id

    async def list(self, page: PageRequest) -> Page[Suppression]:
        async with self._uow() as tx:
            return await tx.operations.suppressions(page)

    async def lift(self, suppression_id: UUID, actor: str) -> None:
        """Lifting a bounce or complaint leaves the STOP that it stood in front of. Raises
        `NotFound("suppression_not_found")`."""
        async with self._uow() as tx:
            lifted = await tx.operations.lift_suppression(suppression_id)
            if lifted is None:
                raise NotFound(
                    "suppression_not_found", f"There is no suppression {suppression_id}."
                )
            await _restore_opt_out(tx, lifted)
            await tx.operations.audit(
                AuditEntry(
                    self._clock(), actor, "suppression.lifted", f"suppression:{suppression_id}"
                )
            )

    def _checked(self, channel: Channel, address: str) -> str:
        if channel is Channel.SMS:
            return self._format_phone(address, field="address")
        if channel is Channel.EMAIL:
            try:
                return _EMAIL.validate_python(address)
            except ValidationError as error:
                problem = FieldError("address", "invalid_email", "Not an email address.")
                raise Invalid("invalid_email", problem.detail, errors=(problem,)) from error
        return address
