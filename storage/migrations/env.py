"""Alembic's way in: the tables of `models`, the connection that `storage.migrate` hands over."""

from typing import Any

from alembic import context
from sqlmodel import SQLModel

import models

METADATA = SQLModel.metadata
_ = models.__all__


def include_object(_item: Any, name: str | None, kind: str, _reflected: bool, _to: Any) -> bool:
    """Partitions belong to their parents; the database names them by itself."""
    return not (kind == "table" and name is not None and "_y20" in name)


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    include_object=include_object,
    compare_type=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
