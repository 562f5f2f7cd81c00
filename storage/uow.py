"""One unit of work is one transaction on one connection, with its repositories made when asked."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property

import asyncpg

from domain.errors import Unavailable
from storage.ab.tests import SqlABTests
from storage.announcements import SqlAnnouncements
from storage.api_keys import SqlApiKeys
from storage.audience.asking import SqlAudienceLists, SqlAudiences
from storage.audience.membership import SqlAudienceMembership
from storage.bulk.batches import SqlBulk
from storage.bulk.deliveries import SqlBulkDeliveries
from storage.bulk.planning import SqlBulkPlanning
from storage.callbacks import SqlCallbacks
from storage.campaigns.rows import SqlCampaigns
from storage.catalogue import SqlCatalogue
from storage.deliveries import SqlDeliveries
from storage.devices import SqlDevices
from storage.digests import SqlDigests
from storage.encryption import KeyRing
from storage.engagement import SqlEngagement
from storage.engine import Connection, Pool
from storage.events import SqlEvents, SqlSignals
from storage.idempotency import SqlIdempotency
from storage.inbox import SqlInbox
from storage.messages import SqlMessages
from storage.notifications import SqlNotifications
from storage.operations import SqlOperations
from storage.planning import SqlPlanning
from storage.queries.sms_report import SqlReports
from storage.sms_usage import SqlSmsUsage
from storage.upkeep import SqlUpkeep
from storage.users import SqlUsers

_ACQUIRE_WITHIN = 5.0
_AWAY = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InvalidCachedStatementError,
    asyncpg.OutdatedSchemaCacheError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""No connection, a server that stops or is full, a deadlock, a standby, or a schema that changed
under a prepared statement: all may be tried again. The client's own error is how a statement ends
whose connection broke while the one before it was still being cancelled."""


class SqlTransaction:
    """The repositories of one open transaction."""

    def __init__(self, connection: Connection, keys: KeyRing) -> None:
        self._connection = connection
        self._keys = keys

    @cached_property
    def notifications(self) -> SqlNotifications:
        return SqlNotifications(self._connection, self._keys)

    @cached_property
    def planning(self) -> SqlPlanning:
        return SqlPlanning(self._connection)

    @cached_property
    def deliveries(self) -> SqlDeliveries:
        return SqlDeliveries(self._connection, self._keys)

    @cached_property
    def inbox(self) -> SqlInbox:
        return SqlInbox(self._connection, self._keys)

    @cached_property
    def users(self) -> SqlUsers:
        return SqlUsers(self._connection, self._keys)

    @cached_property
    def devices(self) -> SqlDevices:
        return SqlDevices(self._connection, self._keys)

    @cached_property
    def catalogue(self) -> SqlCatalogue:
        return SqlCatalogue(self._connection)

    @cached_property
    def idempotency(self) -> SqlIdempotency:
        return SqlIdempotency(self._connection, self._keys)

    @cached_property
    def operations(self) -> SqlOperations:
        return SqlOperations(self._connection, self._keys)

    @cached_property
    def api_keys(self) -> SqlApiKeys:
        return SqlApiKeys(self._connection)

    @cached_property
    def events(self) -> SqlEvents:
        return SqlEvents(self._connection)

    @cached_property
    def signals(self) -> SqlSignals:
        return SqlSignals(self._connection)

    @cached_property
    def sms_usage(self) -> SqlSmsUsage:
        return SqlSmsUsage(self._connection, self._keys)

    @cached_property
    def reports(self) -> SqlReports:
        return SqlReports(self._connection)

    @cached_property
    def callbacks(self) -> SqlCallbacks:
        return SqlCallbacks(self._connection, self._keys)

    @cached_property
    def upkeep(self) -> SqlUpkeep:
        return SqlUpkeep(self._connection)

    @cached_property
    def messages(self) -> SqlMessages:
        return SqlMessages(self._connection, self._keys)

    @cached_property
    def campaigns(self) -> SqlCampaigns:
        return SqlCampaigns(self._connection, self._keys)

    @cached_property
    def digests(self) -> SqlDigests:
        return SqlDigests(self._connection, self._keys)

    @cached_property
    def engagement(self) -> SqlEngagement:
        return SqlEngagement(self._connection)

    @cached_property
    def bulk(self) -> SqlBulk:
        return SqlBulk(self._connection, self._keys)

    @cached_property
    def bulk_planning(self) -> SqlBulkPlanning:
        return SqlBulkPlanning(self._connection)

    @cached_property
    def bulk_deliveries(self) -> SqlBulkDeliveries:
        return SqlBulkDeliveries(self._connection, self._keys)

    @cached_property
    def ab_tests(self) -> SqlABTests:
        return SqlABTests(self._connection)

    @cached_property
    def announcements(self) -> SqlAnnouncements:
        return SqlAnnouncements(self._connection)

    @cached_property
    def membership(self) -> SqlAudienceMembership:
        return SqlAudienceMembership(self._connection)

    @cached_property
    def audiences(self) -> SqlAudiences:
        return SqlAudiences(self._connection)

    @cached_property
    def audience_lists(self) -> SqlAudienceLists:
        return SqlAudienceLists(self._connection, self._keys)


class SqlUnitOfWork:
    """Implements the port `UnitOfWork`."""

    def __init__(self, pool: Pool, keys: KeyRing) -> None:
        self._pool = pool
        self._keys = keys

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[SqlTransaction]:
        """Commits when the block ends, rolls back when it raises. Raises `Unavailable` when the
        database is away or asks for another try; nothing was changed then, or, if the commit's
        answer was lost, everything: the callers' writes are all safe to repeat."""
        try:
            acquired = self._pool.acquire(timeout=_ACQUIRE_WITHIN)
            async with acquired as connection, connection.transaction():
                yield SqlTransaction(connection, self._keys)
        except _AWAY as error:
            raise Unavailable("database_unavailable", "The database does not answer.") from error
