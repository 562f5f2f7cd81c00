"""Circuit breakers and rate limits of provider accounts, kept in Valkey for all processes.

A circuit opens after so many failures in a row, rests, and then lets one call through: its ending
closes the circuit or opens it again. One round trip a call; a process that has seen no trouble for
a moment asks none.
"""

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from redis.asyncio import Redis

from domain.ports.breakers import BreakerState, BreakerView
from storage.valkey import Courtesy

_TRIAL: Final = timedelta(seconds=15)
"""How long the one call may take before another is let through."""
_KEPT: Final = timedelta(minutes=5)
"""How long a granted place is kept for who asked for that."""
_GLANCE: Final = 0.25
"""Seconds for which a process believes that a circuit is closed."""

# Per circuit: rest in milliseconds, and failures in a row. A circuit that has rested is closed to
# all but the first who asks.
_REST = """
local answers = {}
for i, name in ipairs(ARGV) do
  if i > 1 then
    local key = 'breaker:' .. name
    local rest = redis.call('PTTL', key .. ':open')
    if rest <= 0 then
      rest = 0
      if redis.call('EXISTS', key .. ':tripped') == 1
          and not redis.call('SET', key .. ':trial', 1, 'NX', 'PX', ARGV[1]) then
        rest = math.max(redis.call('PTTL', key .. ':trial'), 1)
      end
    end
    local failures = tonumber(redis.call('GET', key .. ':failures') or 0)
    if redis.call('EXISTS', key .. ':tripped') == 1 then failures = failures + 1 end
    table.insert(answers, {rest, failures})
  end
end
return answers
"""
_NOTE = """
local key, healthy = 'breaker:' .. ARGV[1], ARGV[2]
if healthy == '1' then
  redis.call('DEL', key .. ':failures', key .. ':tripped', key .. ':trial', key .. ':open')
  return 0
end
local tripped = redis.call('EXISTS', key .. ':tripped') == 1
local failures = redis.call('INCR', key .. ':failures')
redis.call('PEXPIRE', key .. ':failures', ARGV[5])
if tripped or failures >= tonumber(ARGV[3]) then
  redis.call('SET', key .. ':tripped', 1, 'PX', ARGV[5] * 20)
  redis.call('SET', key .. ':open', 1, 'PX', ARGV[4])
  redis.call('DEL', key .. ':failures', key .. ':trial')
end
return failures
"""
_VIEW = """
local key = 'breaker:' .. ARGV[1]
return {
  redis.call('PTTL', key .. ':open'),
  redis.call('EXISTS', key .. ':tripped'),
  tonumber(redis.call('GET', key .. ':failures') or 0),
}
"""
# GCRA with a place kept in the line: who was told to wait finds it again by the delivery's id.
_RESERVE = """
local now = redis.call('TIME')
local at = now[1] * 1000 + math.floor(now[2] / 1000)
local place, line = 'place:' .. ARGV[1] .. ':' .. ARGV[2], 'line:' .. ARGV[1]
local step, burst, urgent = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5] == '1'
local keeps = tonumber(ARGV[6])
local kept = redis.call('GET', place)
if kept then
  local rest = tonumber(kept) - at
  if rest > 0 then return math.ceil(rest) end
  if keeps == 0 then redis.call('DEL', place) end
  return 0
end
local due = math.max(tonumber(redis.call('GET', line) or at), at)
redis.call('SET', line, due + step, 'PX', math.ceil(due + step - at + 1000))
local rest = due - at - burst
if urgent or rest <= 0 then
  if keeps > 0 then redis.call('SET', place, at, 'PX', keeps) end
  return 0
end
redis.call('SET', place, at + rest, 'PX', math.ceil(rest + math.max(keeps, 60000)))
return math.ceil(rest)
"""


class ValkeyBreakers:
    """Implements `Breakers`."""

    def __init__(
        self,
        redis: "Redis",
        *,
        failures: int = 5,
        cooldown: timedelta = timedelta(seconds=30),
        window: timedelta = timedelta(minutes=1),
    ) -> None:
        """Opens after `failures` in a row, none of them older than `window`, for `cooldown`."""
        self._view = redis.register_script(_VIEW)
        self._rest = redis.register_script(_REST)
        self._note = redis.register_script(_NOTE)
        self._failures = failures
        self._cooldown = _ms(cooldown)
        self._window = _ms(window)
        self._courtesy = Courtesy()
        self._trouble: dict[str, bool] = {}
        self._closed_until: dict[str, float] = {}

    async def rest(self, providers: Sequence[str]) -> Mapping[str, timedelta]:
        now = time.monotonic()
        asked = [name for name in providers if self._closed_until.get(name, 0) < now]
        if not asked:
            return {}
        answer = await self._courtesy.ask(lambda: self._rest(keys=[], args=[_ms(_TRIAL), *asked]))
        resting = {}
        for name, (rest, failures) in zip(asked, answer or (), strict=False):
            self._trouble[name] = failures > 0
            if rest > 0:
                resting[name] = timedelta(milliseconds=rest)
            elif not failures:
                self._closed_until[name] = now + _GLANCE
        return resting

    async def note(self, provider: str, *, healthy: bool) -> None:
        if healthy and not self._trouble.get(provider):
            return
        self._trouble[provider] = not healthy
        self._closed_until.pop(provider, None)
        arguments: list[str | float] = [
            provider,
            int(healthy),
            self._failures,
            self._cooldown,
            self._window,
        ]
        await self._courtesy.ask(lambda: self._note(keys=[], args=arguments))

    async def view(self, provider: str) -> BreakerView:
        answer = await self._courtesy.ask(lambda: self._view(keys=[], args=[provider]))
        rest, tripped, failures = answer or (0, 0, 0)
        if rest > 0:
            return BreakerView(BreakerState.OPEN, failures, timedelta(milliseconds=rest))
        return BreakerView(BreakerState.HALF_OPEN if tripped else BreakerState.CLOSED, failures)


class ValkeyProviderLimits:
    """Implements `ProviderLimits`. `rates`: provider → messages a second; absent: no limit."""

    def __init__(self, redis: "Redis", rates: Mapping[str, float]) -> None:
        self._reserve = redis.register_script(_RESERVE)
        self._rates = dict(rates)
        self._courtesy = Courtesy()

    async def reserve(
        self, provider: str, delivery_id: UUID, *, urgent: bool, count: int = 1
    ) -> timedelta:
        rate = self._rates.get(provider)
        if rate is None:
            return timedelta(0)
        return await self.pace(provider, rate, delivery_id, urgent=urgent, count=count)

    async def pace(
        self,
        line: str,
        rate: float,
        place: UUID,
        *,
        urgent: bool = False,
        count: int = 1,
        keep: bool = False,
    ) -> timedelta:
        step = 1000 / rate
        # A second's worth may go at once, as vendors count by the second.
        arguments: list[str | float] = [
            line,
            str(place),
            step * count,
            max(1000 - step, 0),
            int(urgent),
            _ms(_KEPT) if keep else 0,
        ]
        rest = await self._courtesy.ask(lambda: self._reserve(keys=[], args=arguments))
        return timedelta(milliseconds=rest or 0)


def _ms(time_span: timedelta) -> int:
    return round(time_span / timedelta(milliseconds=1))
