"""Which notification carried a test's variant to whom."""

from uuid import UUID

from sqlalchemy import SmallInteger, Text
from sqlmodel import Field, SQLModel


class ABNotificationRow(SQLModel, table=True):
    __tablename__ = "ab_notifications"

    notification_id: UUID = Field(primary_key=True, foreign_key="notifications.id")
    test_id: UUID = Field(foreign_key="ab_tests.id")
    user_id: str = Field(sa_type=Text)
    variant: int = Field(sa_type=SmallInteger)
