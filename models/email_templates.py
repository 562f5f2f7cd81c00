"""The email part of a template version, by an id of its own."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from models.columns import Timestamp


class EmailTemplateRow(SQLModel, table=True):
    __tablename__ = "email_templates"
    __table_args__ = (UniqueConstraint("key", "locale", "version"),)

    id: UUID = Field(primary_key=True)
    key: str = Field(sa_type=Text)
    locale: str = Field(sa_type=Text)
    version: int
    subject: str = Field(sa_type=Text)
    html_content: str | None = Field(default=None, sa_type=Text)
    text_content: str | None = Field(default=None, sa_type=Text)
    created_at: datetime = Field(
        sa_column_kwargs={"server_default": text("now()")}, sa_type=Timestamp
    )
