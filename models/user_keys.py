"""A user's data key, wrapped by a master key. Deleting the row forgets the user."""

from datetime import datetime

from sqlalchemy import LargeBinary, Text
from sqlmodel import Field, SQLModel

from models.columns import Timestamp


class UserKeyRow(SQLModel, table=True):
    __tablename__ = "user_keys"

    user_id: str = Field(primary_key=True, sa_type=Text, foreign_key="users.id")
    wrapped_key: bytes = Field(sa_type=LargeBinary)
    master_key_id: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Timestamp)
