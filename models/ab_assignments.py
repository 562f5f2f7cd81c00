"""Which variant a user was given, once for each test. User ids need not be known to Herald."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import SmallInteger, Text
from sqlmodel import Field, SQLModel

from models.columns import Timestamp


class ABAssignmentRow(SQLModel, table=True):
    __tablename__ = "ab_assignments"

    test_id: UUID = Field(primary_key=True, foreign_key="ab_tests.id")
    user_id: str = Field(primary_key=True, sa_type=Text)
    variant: int = Field(sa_type=SmallInteger)
    assigned_at: datetime = Field(sa_type=Timestamp)
