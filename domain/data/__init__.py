"""Facts that change without the code: prices, laws, their sources and dates, as JSON files."""

import json
from importlib.resources import files
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Fact(BaseModel):
    """A part of such a file: camelCase, and nothing in it that is not known."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)


def load(name: str) -> Any:
    """The parsed content of `<name>.json` beside this file."""
    return json.loads(files(__name__).joinpath(f"{name}.json").read_text("utf-8"))
