"""Templates compiled and rendered as the tests need them."""

from typing import Any

from domain.enums import Channel
from templates.compile import CompiledTemplate, compile_template
from templates.parts import ChannelParts
from templates.renderer import TemplateRenderer

RENDERER = TemplateRenderer()


def compiled(body: str, *, locale: str = "en") -> CompiledTemplate:
    parts = ChannelParts.model_validate({"sms": {"body": body}})
    return compile_template(parts, locale=locale)


def render(body: str, *, locale: str = "en", **context: Any) -> str:
    return RENDERER.render(compiled(body, locale=locale), context, channel=Channel.SMS).text


def email(page: str, subject: str = "s") -> CompiledTemplate:
    parts = {"email": {"subject": subject, "html": page, "layout": "none"}}
    return compile_template(ChannelParts.model_validate(parts))
