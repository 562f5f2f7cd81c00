"""Which providers serve which channel, in the order they are to be tried.

Filled once by whoever builds the adapters; importing this or any provider registers nothing.
"""

from collections.abc import Iterable

from domain.enums import Channel
from domain.errors import NotFound
from domain.ports.providers import Provider


class ProviderRegistry:
    """Providers by channel and by name. Their order is the order of preference."""

    def __init__(self, providers: Iterable[Provider]) -> None:
        self._by_name: dict[str, Provider] = {}
        self._by_channel: dict[Channel, tuple[Provider, ...]] = {}
        for provider in providers:
            if provider.name in self._by_name:
                raise ValueError(f"two providers are called {provider.name!r}")
            self._by_name[provider.name] = provider
            self._by_channel[provider.channel] = (
                *self._by_channel.get(provider.channel, ()),
                provider,
            )

    def for_channel(self, channel: Channel) -> Provider:
        """The first choice. Raises `NotFound` when nothing serves the channel."""
        return self.ordered(channel)[0]

    def ordered(self, channel: Channel) -> tuple[Provider, ...]:
        """Every provider of a channel, first choice first. Raises `NotFound` when empty."""
        providers = self._by_channel.get(channel)
        if not providers:
            raise NotFound("unknown_provider", f"No provider serves {channel}.")
        return providers

    def named(self, name: str) -> Provider:
        """The provider a webhook, a pause or a delivery names. Raises `NotFound`."""
        provider = self._by_name.get(name)
        if provider is None:
            raise NotFound("unknown_provider", f"There is no provider called {name!r}.")
        return provider

    def all(self) -> tuple[Provider, ...]:
        return tuple(self._by_name.values())

    async def aclose(self) -> None:
        """Closes every provider, also when one of them cannot be closed."""
        problems: list[Exception] = []
        for provider in self._by_name.values():
            try:
                await provider.aclose()
            except Exception as error:
                problems.append(error)
        if problems:
            raise ExceptionGroup("providers could not be closed", problems)
