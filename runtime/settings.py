"""Every setting of Herald, read from the environment and nowhere else.

Names are upper case. Those of the vendors are the vendors' own; the rest begin with HERALD_.
`python -m runtime.settings` prints `.env.example`.
"""

from datetime import timedelta
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from domain.enums import Channel
from runtime.server_settings import ServerSettings
from runtime.vendor_settings import VendorSettings


class Settings(VendorSettings, ServerSettings):
    """All settings with their defaults. Its own are the patience with providers and users."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", populate_by_name=True)

    provider_timeout: Annotated[
        timedelta,
        Field(alias="HERALD_PROVIDER_TIMEOUT", description="How long a provider may take."),
    ] = timedelta(seconds=10)
    provider_rates: Annotated[
        dict[str, float],
        NoDecode,
        Field(
            alias="HERALD_PROVIDER_RATES",
            description="Messages a second by provider account, `resend=10,twilio=1`; none: no "
            "limit. Shared by all workers.",
        ),
    ] = Field(default_factory=dict)
    breaker_failures: Annotated[
        int,
        Field(
            alias="HERALD_BREAKER_FAILURES",
            ge=1,
            description="Failures in a row after which a provider is left alone for a while.",
        ),
    ] = 5
    breaker_cooldown: Annotated[
        timedelta,
        Field(alias="HERALD_BREAKER_COOLDOWN", description="How long it is left alone."),
    ] = timedelta(seconds=30)
    throttles: Annotated[
        dict[Channel, int],
        NoDecode,
        Field(
            alias="HERALD_THROTTLES",
            description="Messages per user and minute by channel, `sms=5,push=10`; none: no limit.",
        ),
    ] = Field(default_factory=dict)

    campaign_recipients_kept_days: Annotated[
        int,
        Field(
            alias="HERALD_CAMPAIGN_RECIPIENTS_KEPT_DAYS",
            ge=30,
            le=36_500,
            description="Days for which the recipients of a campaign that is over are kept, each "
            "with what became of it; the campaign's accounts stay.",
        ),
    ] = 400

    @field_validator("throttles", "provider_rates", mode="before")
    @classmethod
    def _parse_pairs(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = (part.split("=", 1) for part in value.split(",") if part.strip())
        return {name.strip(): limit.strip() for name, limit in pairs}

    @field_validator("provider_rates")
    @classmethod
    def _rates_are_positive(cls, value: dict[str, float]) -> dict[str, float]:
        if any(rate <= 0 for rate in value.values()):
            raise ValueError("a rate is more than nothing a second")
        return value

    def campaign_retention(self) -> timedelta:
        return timedelta(days=self.campaign_recipients_kept_days)

    def throttles_a_minute(self) -> dict[Channel, tuple[int, timedelta]]:
        """Channel → how many to one user, within how long."""
        return {channel: (limit, timedelta(minutes=1)) for channel, limit in self.throttles.items()}


def example() -> str:
    """The text of `.env.example`: every setting, its meaning and its default."""
    lines = ["# Every setting of Herald. All have defaults; copy to .env what you change.", ""]
    for field in Settings.model_fields.values():
        default = field.get_default(call_default_factory=True, validated_data={})
        if isinstance(default, SecretStr):
            default = default.get_secret_value()
        if isinstance(default, timedelta):
            default = f"PT{int(default.total_seconds())}S"
        shown = "" if default in (None, {}, ()) else default
        lines += [f"# {field.description}", f"#{field.alias}={shown}", ""]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    import sys

    sys.stdout.write(example())
