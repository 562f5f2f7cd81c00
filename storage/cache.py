"""Caches in two tiers: this process's memory, and Valkey below it, shared by all processes.

A change drops the value everywhere: in Valkey a short-lived tombstone takes its place, so that a
reader who fetched the old value cannot put it back, and a message tells every process to forget
its copy. Memory is used only while those messages are heard. Without Valkey every read goes to
the database: slower, never wrong.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

from cachetools import TTLCache
from redis.asyncio import Redis
from redis.exceptions import RedisError

from domain.ids import preferences_cache_key
from domain.preferences import Preferences
from storage.valkey import Courtesy

T = TypeVar("T")

CHANNEL: Final = "herald:cache:dropped"
_TOMBSTONE: Final = b""
_TOMBSTONE_LIVES: Final = timedelta(seconds=10)
_RECONNECT_AFTER: Final = 0.5


class CacheBus:
    """Hears what other processes dropped. One subscription serves all caches of a process."""

    def __init__(self, redis: "Redis") -> None:
        self.redis = redis
        self.courtesy = Courtesy()
        self.hears = asyncio.Event()
        self.drops = 0
        """Counts what was dropped: a value read across a change of it is not remembered."""
        self._memories: list[TTLCache[str, Any]] = []
        self._undropped: set[str] = set()
        self._listening: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._listening = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._listening is not None:
            self._listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listening

    def memory(self, size: int, ttl: timedelta) -> "TTLCache[str, Any]":
        memory: TTLCache[str, Any] = TTLCache(size, ttl.total_seconds())
        self._memories.append(memory)
        return memory

    async def drop(self, key: str) -> None:
        """Call after the change was committed. What Valkey cannot be told now it is told when
        it is back."""
        self._forget(key)
        if await self.courtesy.ask(lambda: self._tell(key)) is None:
            self._undropped.add(key)

    async def _tell(self, key: str) -> bool:
        async with self.redis.pipeline(transaction=True) as pipe:
            _ = pipe.set(key, _TOMBSTONE, ex=_TOMBSTONE_LIVES)
            _ = pipe.publish(CHANNEL, key)
            await pipe.execute()
        return True

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(RedisError, OSError):
                async with self.redis.pubsub() as pubsub:
                    await pubsub.subscribe(CHANNEL)
                    async for message in pubsub.listen():
                        await self._heard(message)
            self._deaf()
            await asyncio.sleep(_RECONNECT_AFTER)

    async def _heard(self, message: dict[str, Any]) -> None:
        if message["type"] == "subscribe":
            self._deaf()
            for key in tuple(self._undropped):
                await self._tell(key)
                self._undropped.discard(key)
            self.hears.set()
        elif message["type"] == "message":
            self._forget(message["data"].decode())

    def _deaf(self) -> None:
        """What was dropped meanwhile is not known: forget everything."""
        self.hears.clear()
        self.drops += 1
        for memory in self._memories:
            memory.clear()

    def _forget(self, key: str) -> None:
        self.drops += 1
        for memory in self._memories:
            memory.pop(key, None)


class TieredCache(Generic[T]):
    """Values of one kind by their key. `dump` and `load` are their form in Valkey."""

    def __init__(
        self,
        bus: CacheBus,
        *,
        size: int,
        ttl: timedelta,
        dump: Callable[[T], bytes],
        load: Callable[[bytes], T],
    ) -> None:
        self._bus = bus
        self._ttl = ttl
        self._memory = bus.memory(size, ttl)
        self._dump = dump
        self._load = load

    async def get(self, key: str, read: Callable[[], Awaitable[T]]) -> T:
        """The value, from the nearest place that has it; `read` fetches it from the database.
        What `read` raises is raised, and nothing is remembered."""
        if key in self._memory:
            known: T = self._memory[key]
            return known
        drops = self._bus.drops
        value = await self._shared(key)
        if value is None:
            value = await read()
            form = self._dump(value)
            await self._bus.courtesy.ask(
                lambda: self._bus.redis.set(key, form, ex=self._ttl, nx=True)
            )
        if self._bus.hears.is_set() and drops == self._bus.drops:
            self._memory[key] = value
        return value

    async def drop(self, key: str) -> None:
        await self._bus.drop(key)

    async def _shared(self, key: str) -> T | None:
        stored = await self._bus.courtesy.ask(lambda: self._bus.redis.get(key))
        if not stored or not isinstance(stored, bytes):
            return None
        try:
            return self._load(stored)
        except ValueError:
            return None


class PreferencesCache:
    """Preferences under the key and for the time that other systems of the platform know."""

    def __init__(self, bus: CacheBus) -> None:
        self._cache: TieredCache[Preferences] = TieredCache(
            bus,
            size=100_000,
            ttl=timedelta(seconds=3600),
            dump=lambda value: value.model_dump_json(by_alias=True).encode(),
            load=Preferences.model_validate_json,
        )

    async def get(self, user_id: str, read: Callable[[], Awaitable[Preferences]]) -> Preferences:
        return await self._cache.get(preferences_cache_key(user_id), read)

    async def drop(self, user_id: str) -> None:
        """After preferences were stored, or their user erased."""
        await self._cache.drop(preferences_cache_key(user_id))
