"""Which provider serves a channel."""

from typing import Protocol

from domain.enums import Channel
from domain.ports.providers import Provider


class ProviderChoice(Protocol):
    def for_channel(self, channel: Channel) -> Provider:
        """The provider to use now. Every channel has one."""
