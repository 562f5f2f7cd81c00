"""What a person who texts HELP is told."""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict

from domain.data import load

FALLBACK: Final = "en"


def _complete(text: str) -> str:
    """Raises `ValueError` for a text that leaves something out."""
    missing = [part for part in ("{sender}", "{contact}", "STOP", "START") if part not in text]
    if missing:
        raise ValueError(f"{missing} missing in {text!r}")
    return text


class HelpFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    about: str
    texts: Mapping[str, Annotated[str, AfterValidator(_complete)]]


@cache
def help_data() -> HelpFile:
    return HelpFile.model_validate(load("sms_help"))


def help_text(language: str, sender: str, contact: str) -> str:
    """In English when there are no words in the language."""
    texts = help_data().texts
    return texts.get(language, texts[FALLBACK]).format(sender=sender, contact=contact)
