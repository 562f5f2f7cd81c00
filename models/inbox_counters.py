"""The last seq given out in each inbox."""

from sqlalchemy import BigInteger, Text
from sqlmodel import Field, SQLModel


class InboxCounterRow(SQLModel, table=True):
    __tablename__ = "inbox_counters"

    user_id: str = Field(primary_key=True, sa_type=Text)
    last_seq: int = Field(sa_type=BigInteger)
