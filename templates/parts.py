"""What an author writes: the words of one template in one language, per channel."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from domain.base import Wire
from domain.enums import Channel

Source = Annotated[str, Field(max_length=256 * 1024)]
Line = Annotated[str, Field(min_length=1, max_length=2000)]


class EmailParts(Wire):
    """`mjml` or `html`; `text` is derived from it when absent, and may also stand alone.

    `layout` names the layout the body is set in. None means the default layout for a fragment
    and no layout for a whole document; `none` means never.
    """

    subject: Line
    mjml: Source | None = None
    html: Source | None = None
    text: Source | None = None
    layout: Annotated[str, Field(min_length=1, max_length=100)] | None = None

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if self.mjml is not None and self.html is not None:
            raise ValueError("give either mjml or html, not both")
        if self.mjml is None and self.html is None and self.text is None:
            raise ValueError("an email needs mjml, html or text")
        return self


class SmsParts(Wire):
    body: Annotated[str, Field(min_length=1, max_length=16_000)]


class TitledParts(Wire):
    """A push or in-app message."""

    title: Line
    body: Annotated[str, Field(min_length=1, max_length=16_000)]


class ChannelParts(Wire):
    """A template's `channels`: at least one, each complete."""

    email: EmailParts | None = None
    sms: SmsParts | None = None
    push: TitledParts | None = None
    websocket: TitledParts | None = None

    @model_validator(mode="after")
    def _some_channel(self) -> Self:
        if not self.channels:
            raise ValueError("a template needs the words of at least one channel")
        return self

    @property
    def channels(self) -> tuple[Channel, ...]:
        return tuple(c for c in Channel if getattr(self, c.value) is not None)


class Layout(Wire):
    """A frame for email bodies; `{{ content }}` stands once in each source.

    `mjml` or `html` frames the page; `text`, when given, frames the text part.
    """

    mjml: Source | None = None
    html: Source | None = None
    text: Source | None = None

    @model_validator(mode="after")
    def _one_page(self) -> Self:
        if (self.mjml is None) == (self.html is None):
            raise ValueError("a layout has either mjml or html")
        return self
