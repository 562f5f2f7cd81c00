"""Settings of this process and of the parts it stands on: addresses, secrets, stores."""

import base64
import hashlib
from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings

DEVELOPMENT_KEY = base64.b64encode(b"herald development key, not safe").decode()


class ServerSettings(BaseSettings):
    """A production start refuses the development secrets."""

    environment: Annotated[
        str,
        Field(
            alias="HERALD_ENVIRONMENT",
            pattern="^(development|production)$",
            description="`production` refuses to start with development secrets.",
        ),
    ] = "development"
    port: Annotated[int, Field(alias="HERALD_PORT", description="The API's port.")] = 8000
    host: Annotated[
        str, Field(alias="HERALD_HOST", description="The address the API listens on.")
    ] = "127.0.0.1"
    public_url: Annotated[
        str,
        Field(
            alias="HERALD_PUBLIC_URL",
            description="Where people and vendors reach the API; links and callbacks use it.",
        ),
    ] = "http://127.0.0.1:8000"
    api_key: Annotated[
        SecretStr | None,
        Field(alias="HERALD_API_KEY", description="The first API key, with every scope."),
    ] = None
    master_keys: Annotated[
        SecretStr,
        Field(
            alias="HERALD_MASTER_KEY",
            description="Wraps the users' data keys: base64 of 32 bytes. To rotate, put the new "
            "key first and keep the old ones after it, comma separated.",
        ),
    ] = SecretStr(DEVELOPMENT_KEY)
    token_secret: Annotated[
        SecretStr,
        Field(alias="HERALD_TOKEN_SECRET", description="Signs user tokens and links."),
    ] = SecretStr("herald-development-token-secret-not-safe")

    database_url: Annotated[
        SecretStr,
        Field(alias="DATABASE_URL", description="PostgreSQL, `postgresql://user:pw@host/name`."),
    ] = SecretStr("postgresql://herald:herald@127.0.0.1:5432/herald")
    database_pool: Annotated[
        int,
        Field(alias="HERALD_DATABASE_POOL", ge=1, description="Connections each process keeps."),
    ] = 20
    redis_url: Annotated[
        SecretStr,
        Field(alias="REDIS_URL", description="Valkey or Redis: caches, quotas, live inbox."),
    ] = SecretStr("redis://127.0.0.1:6379/0")
    temporal_address: Annotated[
        str, Field(alias="TEMPORAL_ADDRESS", description="The Temporal frontend, `host:port`.")
    ] = "127.0.0.1:7233"
    temporal_namespace: Annotated[
        str, Field(alias="TEMPORAL_NAMESPACE", description="The namespace workflows live in.")
    ] = "herald"
    temporal_ui_url: Annotated[
        str | None,
        Field(alias="TEMPORAL_UI_URL", description="The Web UI, for links to workflows."),
    ] = None
    outbox_url: Annotated[
        str | None,
        Field(alias="HERALD_OUTBOX_URL", description="The sandbox's outbox page, for links."),
    ] = None

    @model_validator(mode="after")
    def _production_is_safe(self) -> Self:
        if self.environment != "production":
            return self
        development = {
            name
            for name in ("master_keys", "token_secret")
            if getattr(self, name).get_secret_value()
            == type(self).model_fields[name].default.get_secret_value()
        }
        if self.api_key is None:
            development.add("api_key")
        if development:
            names = ", ".join(
                sorted(str(type(self).model_fields[name].alias) for name in development)
            )
            raise ValueError(f"production needs secrets of its own: set {names}")
        return self

    def master_key_ring(self) -> dict[str, bytes]:
        """Key id → key, the current one first. Raises `ValueError` for keys of another size."""
        ring = {}
        for text in self.master_keys.get_secret_value().split(","):
            key = base64.b64decode(text.strip())
            if len(key) != 32:
                raise ValueError("HERALD_MASTER_KEY: each key must be base64 of 32 bytes")
            ring[key_id(key)] = key
        return ring


def key_id(key: bytes) -> str:
    """A short public name for a master key."""
    return hashlib.sha256(b"herald master key id" + key).hexdigest()[:8]
