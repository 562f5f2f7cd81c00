"""Templates as the services see them: versions in, messages and problems out.

A version is compiled once per process and remembered; nothing but the recipient's words is
computed per message.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from cachetools import LRUCache
from pydantic import ValidationError

from domain.content import RenderedMessage
from domain.enums import Channel
from domain.ports.runtime import RenderProblem, TemplateProblem
from domain.records.catalogue import TemplateVersion
from templates.calendar import language_of
from templates.catalogue import DEFAULT_TEMPLATE, StarterTemplate, load_starter_templates
from templates.catalogue import starter_layouts as load_layouts
from templates.check import check_template
from templates.compile import NO_LAYOUT, CompiledTemplate, compile_template
from templates.errors import MissingVariable, TemplateError, TemplateRefused
from templates.errors import TemplateProblem as AuthorsProblem
from templates.marking import are_markable
from templates.parts import ChannelParts, Layout
from templates.program import Program, write_program
from templates.renderer import TemplateRenderer
from templates.validation import validate_template
from templates.variables import required_variables

_ENGLISH = "en"
_Identity = tuple[str, str, int]


@lru_cache(maxsize=1)
def _starters() -> Mapping[tuple[str, str], StarterTemplate]:
    return {(item.key, item.locale): item for item in load_starter_templates()}


@lru_cache(maxsize=64)
def _layouts(locale: str) -> Mapping[str, Layout]:
    return load_layouts(locale)


@lru_cache(maxsize=1_000)
def _line(source: str) -> Program:
    return write_program(source, part="subject")


class Templates:
    """Implements `TemplateRendererPort`."""

    def __init__(self, compiled: int = 10_000) -> None:
        self._renderer = TemplateRenderer()
        self._compiled: LRUCache[tuple[_Identity, _Identity | None], CompiledTemplate] = LRUCache(
            compiled
        )

    def render(
        self,
        template: TemplateVersion | None,
        channel: Channel,
        context: Mapping[str, Any],
        layout: TemplateVersion | None = None,
    ) -> RenderedMessage:
        """See the port. `RenderProblem.variable` names what is missing."""
        try:
            locale = str(context.get("locale") or _ENGLISH)
            program = _default(locale) if template is None else self._program(template, layout)
            seen = {**context, "locale": program.locale}
            return self._renderer.render(program, seen, channel=channel)
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

    def is_markable(
        self,
        template: TemplateVersion | None,
        channel: Channel,
        layout: TemplateVersion | None,
        locale: str,
        line: str | None,
    ) -> bool:
        """See the port."""
        program = _default(locale) if template is None else self._program(template, layout)
        if channel is not Channel.EMAIL or program.email is None:
            return False
        email = program.email
        given = _line(line) if line is not None else None
        return are_markable([email.subject, email.html, email.text, given])

    def check_line(self, source: str, part: str) -> Sequence[TemplateProblem]:
        found = check_template(source, part=part)
        return [TemplateProblem(p.path, p.code, p.message, p.line) for p in found]

    def stored_layout(self, template: TemplateVersion) -> str | None:
        """See the port."""
        named = (template.channels.get(Channel.EMAIL) or {}).get("layout")
        if not isinstance(named, str) or named in {NO_LAYOUT, *_layouts(template.locale)}:
            return None
        return named

    def validate(
        self, template: TemplateVersion, layout: TemplateVersion | None = None
    ) -> Sequence[TemplateProblem]:
        """Everything wrong with it, shape included."""
        try:
            parts = ChannelParts.model_validate(template.channels)
        except ValidationError as error:
            return [
                TemplateProblem(".".join(map(str, e["loc"])), "template_invalid", e["msg"])
                for e in error.errors()
            ]
        try:
            layouts = _with_stored(template, layout)
        except TemplateRefused as refused:
            found: Sequence[AuthorsProblem] = refused.problems
        else:
            found = validate_template(
                parts,
                template.variables,
                template.example,
                locale=template.locale,
                layouts=layouts,
            )
        return [TemplateProblem(p.path, p.code, p.message, p.line) for p in found]

    def required_variables(
        self, template: TemplateVersion, channels: Sequence[Channel]
    ) -> frozenset[str]:
        """Dotted names the parts for these channels, or the schema of `data`, ask for."""
        schema = template.variables.get("required")
        required = schema if isinstance(schema, list) else []
        names = {f"data.{name}" for name in required}
        for channel in channels:
            for source in (template.channels.get(channel) or {}).values():
                if isinstance(source, str):
                    names |= required_variables(source)
        return frozenset(names)

    def _program(
        self, template: TemplateVersion, layout: TemplateVersion | None
    ) -> CompiledTemplate:
        key = (_identity(template), _identity(layout) if layout else None)
        compiled = self._compiled.get(key)
        if compiled is None:
            compiled = compile_template(
                ChannelParts.model_validate(template.channels),
                locale=template.locale,
                layouts=_with_stored(template, layout),
            )
            self._compiled[key] = compiled
        return compiled


def _identity(version: TemplateVersion) -> _Identity:
    return version.key, version.locale, version.version


def _with_stored(template: TemplateVersion, layout: TemplateVersion | None) -> Mapping[str, Layout]:
    """The built-in layouts, and the stored one when the template is set in it."""
    built_in = _layouts(template.locale)
    if layout is None:
        return built_in
    email = layout.channels.get(Channel.EMAIL) or {}
    try:
        frame = Layout.model_validate({name: email.get(name) for name in ("mjml", "html", "text")})
    except ValidationError as error:
        message = f"the template `{layout.key}` has no email page to serve as a layout"
        problem = AuthorsProblem(
            path="channels.email.layout", code="layout_invalid", message=message
        )
        raise TemplateRefused([problem]) from error
    return {**built_in, layout.key: frame}


def _default(locale: str) -> CompiledTemplate:
    """The frame for a caller's own words, in the reader's language or else in English."""
    spoken = (language_of(locale), _ENGLISH)
    return _compiled_default(next(one for one in spoken if (DEFAULT_TEMPLATE, one) in _starters()))


@cache
def _compiled_default(language: str) -> CompiledTemplate:
    starter = _starters()[(DEFAULT_TEMPLATE, language)]
    return compile_template(starter.channels, locale=language, layouts=_layouts(language))


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
