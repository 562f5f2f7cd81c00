"""One version of a template in one locale; never changed once written."""

from datetime import datetime
from typing import Any

from sqlalchemy import Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from models.columns import Timestamp


class TemplateVersionRow(SQLModel, table=True):
    __tablename__ = "template_versions"

    key: str = Field(primary_key=True, sa_type=Text)
    locale: str = Field(primary_key=True, sa_type=Text)
    version: int = Field(primary_key=True)
    type: str | None = Field(default=None, max_length=50)
    channels: dict[str, Any] = Field(sa_type=JSONB)
    variables: dict[str, Any] = Field(sa_type=JSONB)
    example: dict[str, Any] = Field(sa_type=JSONB)
    status: str = Field(max_length=20)
    created_at: datetime = Field(sa_type=Timestamp)
