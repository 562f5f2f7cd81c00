"""What keeps the tables in shape: months to come, summaries of months gone by."""

from storage.engine import Connection


class SqlUpkeep:
    """Implements `UpkeepRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    async def make_partitions(self, months_ahead: int) -> None:
        await self._db.execute("select herald_make_month_partitions($1)", months_ahead)

    async def refresh_summary(self) -> None:
        await self._db.execute(
            "refresh materialized view concurrently notification_performance_summary"
        )
