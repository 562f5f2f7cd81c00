"""What assigned users did: the first of each metric, with the variant they had."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, SmallInteger, Text
from sqlmodel import Field, SQLModel

from models.columns import Timestamp


class ABOutcomeRow(SQLModel, table=True):
    __tablename__ = "ab_outcomes"
    __table_args__ = (
        ForeignKeyConstraint(
            ["test_id", "user_id"], ["ab_assignments.test_id", "ab_assignments.user_id"]
        ),
    )

    test_id: UUID = Field(primary_key=True)
    user_id: str = Field(primary_key=True, sa_type=Text)
    metric: str = Field(primary_key=True, max_length=20)
    variant: int = Field(sa_type=SmallInteger)
    at: datetime = Field(sa_type=Timestamp)
    value: float | None = Field(default=None)
