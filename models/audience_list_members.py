"""Who is in an uploaded list."""

from uuid import UUID

from sqlalchemy import Index, Text
from sqlmodel import Field, SQLModel


class AudienceListMemberRow(SQLModel, table=True):
    __tablename__ = "audience_list_members"
    __table_args__ = (Index("idx_audience_list_members_user_id", "user_id"),)

    list_id: UUID = Field(primary_key=True, foreign_key="audience_lists.id", ondelete="CASCADE")
    user_id: str = Field(primary_key=True, sa_type=Text, foreign_key="users.id")
