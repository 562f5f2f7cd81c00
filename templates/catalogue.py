"""The templates Herald ships: one per notification type, and `default` for title and content.

    starter/layouts/{name}.{locale}.mjml   frame of the page; `.txt` frames the text part
    starter/{locale}/{key}.json            type, channels, variables, example
    starter/{locale}/{key}.mjml            the email's body (`.txt` when the text is not derived)

A new language is a new folder; nothing else names it.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from pydantic import Field, JsonValue

from domain.base import TemplateKey, TypeName, Wire
from templates.calendar import language_of
from templates.parts import ChannelParts, Layout

DEFAULT_TEMPLATE: Final = "default"

_HOME: Final = Path(__file__).parent / "starter"


class StarterTemplate(Wire):
    """A template of the wire format, in one language; `type` is None for `default`."""

    key: TemplateKey
    type: TypeName | None
    locale: str
    channels: ChannelParts
    variables: dict[str, JsonValue] = Field(default_factory=dict)
    example: dict[str, JsonValue] = Field(default_factory=dict)


def load_starter_templates() -> list[StarterTemplate]:
    """Every starter template in every language, ordered by key and locale."""
    found = [
        _load(file, folder.name)
        for folder in sorted(_HOME.iterdir())
        if folder.name != "layouts"
        for file in sorted(folder.glob("*.json"))
    ]
    return sorted(found, key=lambda template: (template.key, template.locale))


@cache
def starter_layouts(locale: str = "en") -> dict[str, Layout]:
    """The layouts by name, each in `locale`, else its language, else English."""
    names = {file.name.split(".")[0] for file in (_HOME / "layouts").glob("*.mjml")}
    return {name: _layout(name, locale) for name in sorted(names)}


def _layout(name: str, locale: str) -> Layout:
    home = _HOME / "layouts"
    candidates = (locale, language_of(locale), "en")
    chosen = next(c for c in candidates if (home / f"{name}.{c}.mjml").exists())
    text = home / f"{name}.{chosen}.txt"
    return Layout(
        mjml=(home / f"{name}.{chosen}.mjml").read_text("utf-8"),
        text=text.read_text("utf-8") if text.exists() else None,
    )


def _load(file: Path, locale: str) -> StarterTemplate:
    described: dict[str, Any] = json.loads(file.read_text("utf-8"))
    for kind, name in (("mjml", ".mjml"), ("text", ".txt")):
        body = file.with_suffix(name)
        if body.exists():
            described["channels"]["email"][kind] = body.read_text("utf-8")
    return StarterTemplate.model_validate({"key": file.stem, "locale": locale, **described})
