"""Dead letters, suppressions, API keys, the audit log, health."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, JsonValue

from api.schemas.common import Paged
from domain.base import Instant, TypeName, Wire
from domain.enums import Channel, Scope
from domain.ports.callbacks import CallbackFilter, CallbackStatus, StoredCallback
from domain.ports.operations import DeadLetterFilter
from domain.records.api_keys import ApiKey
from domain.records.operations import AuditEntry, DeadLetter
from domain.records.people import Suppression
from services.operations.health import Health, Readiness

Short = Annotated[str, Field(min_length=1, max_length=100)]
LetterStatus = Literal["open", "redriven", "discarded", "resolved"]


class DeadLetterChoice(Wire):
    """Which open dead letters; all that is given must hold."""

    type: TypeName | None = None
    channel: Channel | None = None
    provider: Short | None = None
    code: Short | None = None
    created_after: Instant | None = None
    created_before: Instant | None = None

    def filter(self) -> DeadLetterFilter:
        return DeadLetterFilter(**dict(self))


class DeadLetterQuery(Paged):
    type: TypeName | None = None
    channel: Channel | None = None
    provider: Short | None = None
    code: Short | None = None
    status: LetterStatus = "open"
    created_after: Instant | None = None
    created_before: Instant | None = None

    def filter(self) -> DeadLetterFilter:
        return DeadLetterFilter(**self.filters())


class RedriveIn(Wire):
    filter: DeadLetterChoice = Field(default_factory=DeadLetterChoice)


class RedriveOut(Wire):
    redriven: int
    refused: int = Field(description="Letters whose notification is under way or gone.")


class DeadLetterOut(Wire):
    id: UUID
    notification_id: UUID
    delivery_id: UUID | None
    user_id: str
    type: str
    channel: Channel | None
    provider: str | None
    code: str
    message: str
    status: LetterStatus
    created_at: datetime
    resolved_at: datetime | None

    @staticmethod
    def of(letter: DeadLetter) -> "DeadLetterOut":
        return DeadLetterOut.model_validate(
            {
                "id": letter.id,
                "notification_id": letter.notification_id,
                "delivery_id": letter.delivery_id,
                "user_id": letter.user_id,
                "type": letter.type,
                "channel": letter.channel,
                "provider": letter.provider,
                "code": letter.code,
                "message": letter.message,
                "status": letter.status,
                "created_at": letter.created_at,
                "resolved_at": letter.resolved_at,
            }
        )


class SuppressionIn(Wire):
    channel: Channel
    address: Annotated[str, Field(min_length=1, max_length=4096)]
    reason: Annotated[str, Field(min_length=1, max_length=255)] = "manual"
    expires_at: Instant | None = None


class SuppressionOut(Wire):
    id: UUID
    channel: Channel
    address: str | None
    user_id: str | None
    reason: str
    source: str
    created_at: datetime
    expires_at: datetime | None

    @staticmethod
    def of(held: Suppression) -> "SuppressionOut":
        return SuppressionOut(
            id=held.id,
            channel=held.channel,
            address=held.address,
            user_id=held.user_id,
            reason=held.reason,
            source=held.source,
            created_at=held.created_at,
            expires_at=held.expires_at,
        )


class ApiKeyIn(Wire):
    name: Annotated[str, Field(min_length=1, max_length=100)]
    scopes: list[Scope] = Field(min_length=1, max_length=len(Scope))
    rate_limit: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=600, description="Calls a minute."
    )
    expires_at: Instant | None = None


class ApiKeyOut(Wire):
    id: UUID
    name: str
    prefix: str
    scopes: list[Scope]
    rate_limit: int | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    @staticmethod
    def of(key: ApiKey) -> "ApiKeyOut":
        return ApiKeyOut(
            id=key.id,
            name=key.name,
            prefix=key.prefix,
            scopes=sorted(key.scopes),
            rate_limit=key.rate_limit,
            created_at=key.created_at,
            expires_at=key.expires_at,
            revoked_at=key.revoked_at,
        )


class NewApiKeyOut(ApiKeyOut):
    key: str = Field(description="The secret. It is shown this once.")


class AuditOut(Wire):
    at: datetime
    actor: str
    action: str
    subject: str
    detail: dict[str, JsonValue]

    @staticmethod
    def of(entry: AuditEntry) -> "AuditOut":
        return AuditOut(
            at=entry.at,
            actor=entry.actor,
            action=entry.action,
            subject=entry.subject,
            detail=dict(entry.detail),
        )


class CallbackQuery(Paged):
    provider: Short | None = None
    status: CallbackStatus | None = None

    def filter(self) -> CallbackFilter:
        return CallbackFilter(**self.filters())


class CallbackOut(Wire):
    id: UUID
    provider: str
    status: CallbackStatus
    attempts: int
    received_at: datetime
    applied_at: datetime | None = Field(description="When it was first applied.")
    error: str | None

    @staticmethod
    def of(callback: StoredCallback) -> "CallbackOut":
        return CallbackOut(
            id=callback.id,
            provider=callback.provider,
            status=callback.status,
            attempts=callback.attempts,
            received_at=callback.received_at,
            applied_at=callback.applied_at,
            error=callback.error,
        )


class CheckOut(Wire):
    status: Literal["up", "down"]
    needed: bool
    latency_ms: float
    error: str | None


class HealthOut(Wire):
    status: Readiness
    checks: dict[str, CheckOut]

    @staticmethod
    def of(health: Health) -> "HealthOut":
        return HealthOut(
            status=health.status,
            checks={
                result.name: CheckOut(
                    status="up" if result.up else "down",
                    needed=result.needed,
                    latency_ms=round(result.latency.total_seconds() * 1000, 2),
                    error=result.error,
                )
                for result in health.checks
            },
        )


class LiveOut(Wire):
    status: Literal["ok"] = "ok"
