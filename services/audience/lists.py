"""Uploaded lists: read row by row, stored whole or not at all, every bad row told by its line."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final
from uuid import UUID

from domain.audience.csv_rows import BadRow, CsvList, GoodRow, ListColumn
from domain.audience.shapes import AudienceList
from domain.errors import NotFound
from domain.ids import new_id
from domain.paging import Page, PageRequest
from domain.ports.runtime import Clock
from domain.ports.storage import Transaction, UnitOfWork
from domain.records.operations import AuditEntry

MAX_ERRORS: Final = 1000
"""Bad rows an answer names; all of them are counted."""
_SLICE: Final = 5000


@dataclass(frozen=True, slots=True)
class UploadedList:
    list: AudienceList
    errors: tuple[BadRow, ...]


class AudienceListService:
    def __init__(self, uow: UnitOfWork, clock: Clock) -> None:
        self._uow = uow
        self._clock = clock

    async def create(self, name: str, lines: Iterable[str], actor: str) -> UploadedList:
        """One transaction, so that a list is there whole or not at all. Raises `Invalid` as
        `CsvList` does."""
        rows = CsvList(lines)
        upload = _Upload(AudienceList(new_id(), name, 0, 0, 0, self._clock()), rows.column)
        async with self._uow() as tx:
            await tx.audience_lists.insert(upload.list)
            for some in _slices(rows.rows()):
                await upload.take(tx, some)
            await tx.audience_lists.set_counts(upload.list)
            await self._note(tx, "audience_list.created", upload.list.id, actor)
        return UploadedList(upload.list, tuple(upload.errors))

    async def list(self, page: PageRequest) -> Page[AudienceList]:
        """Newest first."""
        async with self._uow() as tx:
            return await tx.audience_lists.list(page)

    async def get(self, list_id: UUID) -> AudienceList:
        """Raises `NotFound("audience_list_not_found")`."""
        async with self._uow() as tx:
            found = await tx.audience_lists.get(list_id)
        if found is None:
            raise _no_list(list_id)
        return found

    async def delete(self, list_id: UUID, actor: str) -> None:
        """Campaigns that have started keep their recipients; announcements to it concern nobody any
        more. Raises as `get` does."""
        async with self._uow() as tx:
            if not await tx.audience_lists.delete(list_id):
                raise _no_list(list_id)
            await self._note(tx, "audience_list.deleted", list_id, actor)

    async def _note(self, tx: Transaction, action: str, list_id: UUID, actor: str) -> None:
        entry = AuditEntry(self._clock(), actor, action, f"audience_list:{list_id}")
        await tx.operations.audit(entry)


class _Upload:
    """A list that grows by slices of rows."""

    def __init__(self, item: AudienceList, column: ListColumn) -> None:
        self.list = item
        self.errors: list[BadRow] = []
        self._column = column

    async def take(self, tx: Transaction, rows: Sequence[GoodRow | BadRow]) -> None:
        good = [row for row in rows if isinstance(row, GoodRow)]
        owners = await self._owners(tx, {row.key for row in good})
        found: list[str] = []
        bad: list[BadRow] = []
        for row in rows:
            users = owners.get(row.key, ()) if isinstance(row, GoodRow) else ()
            if len(users) == 1:
                found.append(users[0])
            else:
                bad.append(row if isinstance(row, BadRow) else self._unknown(row, users))
        added = await tx.audience_lists.add(self.list.id, found)
        self.errors += bad[: MAX_ERRORS - len(self.errors)]
        self.list = replace(
            self.list,
            accepted=self.list.accepted + added,
            duplicates=self.list.duplicates + len(found) - added,
            rejected=self.list.rejected + len(bad),
        )

    async def _owners(self, tx: Transaction, keys: set[str]) -> dict[str, tuple[str, ...]]:
        if self._column is ListColumn.EMAIL:
            return dict(await tx.audience_lists.owners(sorted(keys)))
        return {key: (key,) for key in await tx.audience_lists.known(sorted(keys))}

    def _unknown(self, row: GoodRow, users: tuple[str, ...]) -> BadRow:
        if users:
            detail = "Several users have this address: name one by userId."
            return BadRow(row.line, "ambiguous_email", detail)
        if self._column is ListColumn.EMAIL:
            return BadRow(row.line, "unknown_email", "No user has this address.")
        return BadRow(row.line, "unknown_user", "There is no such user.")


def _slices(rows: Iterator[GoodRow | BadRow]) -> Iterator[list[GoodRow | BadRow]]:
    while some := list(islice(rows, _SLICE)):
        yield some


def _no_list(list_id: UUID) -> NotFound:
    return NotFound("audience_list_not_found", f"There is no audience list {list_id}.")
