"""The relay starts what nobody started, once, and holds nothing back when Temporal returns."""

from datetime import timedelta
from uuid import UUID

import pytest

from domain.errors import Unavailable
from services.notifications.relay import CLAIM, GRACE, RelayService
from tests.integration.conftest import Core, now


class Gateway:
    def __init__(self) -> None:
        self.away = False
        self.started: list[UUID] = []

    async def start_notification(self, notification_id: UUID, redrives: int) -> None:
        if self.away:
            raise Unavailable("temporal_unavailable", "away")
        self.started.append(notification_id)

    async def signal_notification(self, notification_id: UUID, redrives: int, kind: str) -> None:
        raise AssertionError("nothing was to be told")


async def test_a_backlog_is_started_once_however_often_the_relay_passes(core: Core) -> None:
    waiting = {await core.accept(await core.user()) for _ in range(3)}
    gateway, ahead = Gateway(), GRACE * 2
    relay = RelayService(core.uow, gateway, lambda: now() + ahead)
    gateway.away = True
    with pytest.raises(Unavailable):
        await relay.run_once()
    gateway.away = False
    ahead = GRACE * 2 + CLAIM * 2
    while await relay.run_once():
        pass
    assert waiting <= set(gateway.started)
    ahead += timedelta(minutes=5)
    assert await relay.run_once() == 0
    assert len(gateway.started) == len(set(gateway.started))
