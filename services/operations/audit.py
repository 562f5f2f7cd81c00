"""The audit log, read back."""

from domain.paging import Page, PageRequest
from domain.ports.storage import UnitOfWork
from domain.records.operations import AuditEntry


class AuditService:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def list(self, page: PageRequest) -> Page[AuditEntry]:
        """Newest first."""
        async with self._uow() as tx:
            return await tx.operations.audit_log(page)
