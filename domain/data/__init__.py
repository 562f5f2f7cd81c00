"""Facts that change without the code: prices, laws, their sources and dates, as JSON files."""

import json
from importlib.resources import files
from typing import Any


def load(name: str) -> Any:
    """The parsed content of `<name>.json` beside this file."""
    return json.loads(files(__name__).joinpath(f"{name}.json").read_text("utf-8"))
