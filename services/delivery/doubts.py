"""Asking a provider what became of a message it may have taken."""

from domain.ports.providers import Found, OutboundMessage, Provider
from domain.ports.storage import UnitOfWork


async def ask(
    uow: UnitOfWork, provider: Provider, message: OutboundMessage
) -> tuple[Found, ...] | None:
    """What it took that could be this message and is not known as another's, newest last. None
    when it could not be asked."""
    found = await provider.find(message)
    if not found:
        return found
    ids = [candidate.provider_message_id for candidate in found]
    async with uow() as tx:
        known = await tx.deliveries.known_message_ids(provider.name, ids)
    return tuple(one for one in found if one.provider_message_id not in known)
