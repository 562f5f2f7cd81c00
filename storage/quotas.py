"""Calls per caller and minute, counted in Valkey by GCRA, shared by every process."""

from datetime import timedelta

from redis.asyncio import Redis

from domain.ports.quotas import QuotaAnswer
from storage.valkey import Courtesy

_GCRA = """
local now = redis.call('TIME')
local at = now[1] * 1000 + math.floor(now[2] / 1000)
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local step = window / limit
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or at), at)
local next_due = due + step
if next_due - at > window then
  return {0, 0, math.ceil(due - at), math.ceil(next_due - at - window)}
end
redis.call('SET', KEYS[1], next_due, 'PX', math.ceil(next_due - at))
return {1, math.floor((window - (next_due - at)) / step), math.ceil(next_due - at), 0}
"""
_WINDOW_MS = 60_000


class ValkeyQuotas:
    """Implements `Quotas`."""

    def __init__(self, redis: "Redis", courtesy: Courtesy | None = None) -> None:
        self._script = redis.register_script(_GCRA)
        self._courtesy = courtesy or Courtesy()

    async def take(self, caller: str, limit_per_minute: int) -> QuotaAnswer:
        """A limit is smooth: it refills one call every `60 / limit` seconds."""
        answer = await self._courtesy.ask(
            lambda: self._script(keys=[f"quota:{caller}"], args=[limit_per_minute, _WINDOW_MS])
        )
        if answer is None:
            zero = timedelta(0)
            return QuotaAnswer(True, limit_per_minute, limit_per_minute, zero, zero)
        allowed, remaining, reset, retry = answer
        return QuotaAnswer(
            bool(allowed),
            limit_per_minute,
            int(remaining),
            timedelta(milliseconds=int(reset)),
            timedelta(milliseconds=int(retry)),
        )
