"""The catalogue: notification types and templates."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from domain.enums import Category, Channel, ConsentType, DeliveryMode, Priority, Strategy


@dataclass(frozen=True, slots=True)
class NotificationType:
    """One row of the catalogue of types."""

    type: str
    category: Category
    default_channels: tuple[Channel, ...]
    default_priority: Priority = Priority.MEDIUM
    default_strategy: Strategy = Strategy.ALL
    time_to_live: timedelta | None = None
    digest_rule: DeliveryMode | None = None
    """How its messages reach users who chose nothing for its category."""
    legally_transactional: bool = False
    required_consent: ConsentType | None = None
    template_key: str | None = None
    description: str = ""
    updated_at: datetime | None = None
    track_opens: bool = True
    track_clicks: bool = True


@dataclass(frozen=True, slots=True)
class TemplateVersion:
    """One version of a template in one locale."""

    key: str
    locale: str
    version: int
    type: str | None
    channels: Mapping[str, Mapping[str, Any]]
    variables: Mapping[str, Any]
    example: Mapping[str, Any]
    status: str
    """`draft` or `published`."""
    created_at: datetime


@dataclass(frozen=True, slots=True)
class TemplateSummary:
    key: str
    type: str | None
    locales: tuple[str, ...]
    version: int
    status: str
    updated_at: datetime
