"""What an email of a notification was; sealed."""

from uuid import UUID

from sqlalchemy import Text, text
from sqlmodel import Field, SQLModel


class EmailNotificationRow(SQLModel, table=True):
    __tablename__ = "email_notifications"

    notification_id: UUID = Field(primary_key=True, foreign_key="notifications.id")
    subject: str = Field(sa_type=Text)
    html_content: str | None = Field(default=None, sa_type=Text)
    text_content: str | None = Field(default=None, sa_type=Text)
    from_address: str = Field(max_length=255)
    reply_to_address: str | None = Field(default=None, sa_type=Text)
    tracking_enabled: bool = Field(sa_column_kwargs={"server_default": text("true")})
    template_id: UUID | None = Field(default=None, foreign_key="email_templates.id")
