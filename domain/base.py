"""The one way Herald's wire models behave: camelCase out, both cases in, unknown fields refused."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, StringConstraints
from pydantic.alias_generators import to_camel


class Wire(BaseModel):
    """A frozen model whose JSON is camelCase."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        use_enum_values=False,
    )


type_pattern = r"^[a-z][a-z0-9_]{0,49}$"
UserId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@|-]{0,127}$")]
TypeName = Annotated[str, StringConstraints(pattern=type_pattern)]
TemplateKey = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,99}$")]


def _within_reach(value: datetime) -> datetime:
    """Instants that any zone and any duration may be added to without leaving the calendar."""
    if not 1900 < value.year < 9000:
        raise ValueError("must lie between the years 1901 and 8999")
    return value.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_within_reach)]
