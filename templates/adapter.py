"""Templates as the services see them: versions in, messages and problems out.

A version is compiled once per process and remembered; nothing but the recipient's words is
computed per message.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from cachetools import LRUCache
from pydantic import ValidationError

from domain.content import RenderedMessage
from domain.enums import Channel
from domain.ports.runtime import RenderProblem, TemplateProblem
from domain.records import TemplateVersion
from templates.catalogue import DEFAULT_TEMPLATE, StarterTemplate, load_starter_templates
from templates.catalogue import starter_layouts as load_layouts
from templates.check import check_template
from templates.compile import CompiledTemplate, compile_template
from templates.errors import MissingVariable, TemplateError
from templates.parts import ChannelParts
from templates.program import Program, write_program
from templates.renderer import TemplateRenderer
from templates.validation import validate_template
from templates.variables import required_variables

_ENGLISH = "en"


@lru_cache(maxsize=1)
def _starters() -> Mapping[tuple[str, str], StarterTemplate]:
    return {(item.key, item.locale): item for item in load_starter_templates()}


@lru_cache(maxsize=64)
def _layouts(locale: str) -> Mapping[str, Any]:
    return load_layouts(locale)


@lru_cache(maxsize=1_000)
def _line(source: str) -> Program:
    return write_program(source, part="subject")


class Templates:
    """Implements `TemplateRendererPort`."""

    def __init__(self, compiled: int = 10_000) -> None:
        self._renderer = TemplateRenderer()
        self._compiled: LRUCache[tuple[str, str, int], CompiledTemplate] = LRUCache(compiled)
        self._default: CompiledTemplate | None = None

    def render(
        self, template: TemplateVersion | None, channel: Channel, context: Mapping[str, Any]
    ) -> RenderedMessage:
        """See the port. `RenderProblem.variable` names what is missing."""
        try:
            return self._renderer.render(self._program(template), context, channel=channel)
        except MissingVariable as error:
            raise RenderProblem("variable_missing", str(error), variable=error.name) from error
        except TemplateError as error:
            raise RenderProblem(error.code, str(error)) from error

    def render_line(self, source: str, context: Mapping[str, Any], locale: str) -> str:
        """See the port."""
        try:
            return self._renderer.render_line(_line(source), context, locale=locale or _ENGLISH)
        except MissingVariable as error:
            raise RenderProblem("variable_missing", str(error), variable=error.name) from error
        except TemplateError as error:
            raise RenderProblem(error.code, str(error)) from error

    def check_line(self, source: str, part: str) -> Sequence[TemplateProblem]:
        found = check_template(source, part=part)
        return [TemplateProblem(p.path, p.code, p.message, p.line) for p in found]

    def validate(self, template: TemplateVersion) -> Sequence[TemplateProblem]:
        """Everything wrong with it, shape included."""
        try:
            parts = ChannelParts.model_validate(template.channels)
        except ValidationError as error:
            return [
                TemplateProblem(".".join(map(str, e["loc"])), "template_invalid", e["msg"])
                for e in error.errors()
            ]
        found = validate_template(
            parts,
            template.variables,
            template.example,
            locale=template.locale,
            layouts=_layouts(template.locale),
        )
        return [TemplateProblem(p.path, p.code, p.message, p.line) for p in found]

    def required_variables(
        self, template: TemplateVersion, channels: Sequence[Channel]
    ) -> frozenset[str]:
        """Dotted names the parts for these channels cannot do without."""
        names: set[str] = set()
        for channel in channels:
            for source in (template.channels.get(channel) or {}).values():
                if isinstance(source, str):
                    names |= required_variables(source)
        return frozenset(names)

    def _program(self, template: TemplateVersion | None) -> CompiledTemplate:
        if template is None:
            if self._default is None:
                starter = _starters()[(DEFAULT_TEMPLATE, _ENGLISH)]
                self._default = compile_template(
                    starter.channels, locale=_ENGLISH, layouts=_layouts(_ENGLISH)
                )
            return self._default
        key = (template.key, template.locale, template.version)
        compiled = self._compiled.get(key)
        if compiled is None:
            compiled = compile_template(
                ChannelParts.model_validate(template.channels),
                locale=template.locale,
                layouts=_layouts(template.locale),
            )
            self._compiled[key] = compiled
        return compiled


def starter_versions(now: datetime) -> list[TemplateVersion]:
    """The starter templates as first published versions, for a new database."""
    return [
        TemplateVersion(
            key=item.key,
            locale=item.locale,
            version=1,
            type=item.type,
            channels=item.channels.model_dump(mode="json", by_alias=True, exclude_none=True),
            variables=item.variables,
            example=item.example,
            status="published",
            created_at=now,
        )
        for item in _starters().values()
    ]
