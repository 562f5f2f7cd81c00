"""Renders compiled templates: the same words for the same template and context, within limits.

Every value written into HTML is escaped, without exception. A rendering that takes more steps,
time or room than allowed is stopped. Programs are kept by their content, so a new version of a
template never meets an old program.
"""

import re
import time
from collections.abc import Callable, Mapping
from hashlib import blake2b
from threading import Lock
from typing import Any, Final

import minijinja
from cachetools import LRUCache
from markupsafe import escape
from typing_extensions import override

from domain.content import RenderedMessage
from domain.enums import Channel
from templates import filters
from templates.compile import CompiledTemplate
from templates.errors import FilterFailed, MissingVariable, TemplateError, TemplateLimit
from templates.program import Program
from templates.syntax import (
    BLOCK_END,
    BLOCK_START,
    COMMENT_END,
    COMMENT_START,
    OUTPUT_END,
    OUTPUT_START,
)

_UNDEFINED: Final = re.compile(r"`(.+)` is undefined")
_STEP: Final = re.compile(r"\[(?:'([^']*)'|\"([^\"]*)\"|(\d+))\]|\.(\w+)")
_SPACE: Final = re.compile(r"\s+")
MAX_SUBJECT: Final = 255


class TemplateRenderer:
    """Thread-safe; one per process. `cache_size` counts programs (a template has two to seven)."""

    def __init__(
        self,
        *,
        fuel: int = 500_000,
        max_output: int = 2 * 1024 * 1024,
        max_seconds: float = 1.0,
        cache_size: int = 10_000,
    ) -> None:
        self._lock = Lock()
        self._html = _Engine(escape, fuel, max_output, max_seconds, cache_size)
        self._text = _Engine(str, fuel, max_output, max_seconds, cache_size)

    def render(
        self, template: CompiledTemplate, context: Mapping[str, Any], *, channel: Channel
    ) -> RenderedMessage:
        """One channel's words. `context` is JSON data: `user`, `data`, `title`, `content`, …

        Raises MissingVariable, FilterFailed, TemplateLimit, or TemplateError `no_such_channel`.
        """
        scope = _Scope(dict(context), template.locale)
        with self._lock:
            if channel is Channel.EMAIL and template.email is not None:
                email = template.email
                return RenderedMessage(
                    subject=_subject(self._text.render(email.subject, scope)),
                    html=None if email.html is None else self._html.render(email.html, scope),
                    text=self._text.render(email.text, scope),
                )
            if channel is Channel.SMS and template.sms is not None:
                return RenderedMessage(text=self._text.render(template.sms.body, scope).strip())
            titled = {Channel.PUSH: template.push, Channel.WEBSOCKET: template.websocket}
            part = titled.get(channel)
            if part is not None:
                return RenderedMessage(
                    title=_one_line(self._text.render(part.title, scope)),
                    text=self._text.render(part.body, scope).strip(),
                )
        raise TemplateError(
            "no_such_channel", f"The template has no words for {channel.value}", path="channels"
        )

    def render_line(self, program: Program, context: Mapping[str, Any], *, locale: str) -> str:
        """One line, as a subject has it."""
        return _subject(self.render_text(program, context, locale=locale))

    def render_text(self, program: Program, context: Mapping[str, Any], *, locale: str) -> str:
        """One plain-text part exactly as written: nothing trimmed, nothing cut."""
        with self._lock:
            return self._text.render(program, _Scope(dict(context), locale))


class _Scope:
    """What one rendering sees."""

    def __init__(self, context: dict[str, Any], locale: str) -> None:
        self.context = context
        self.locale = locale
        user = context.get("user")
        self.timezone = user.get("timezone") if isinstance(user, dict) else None


def _one_line(text: str) -> str:
    return _SPACE.sub(" ", text).strip()


def _subject(text: str) -> str:
    line = _one_line(text)
    return line if len(line) <= MAX_SUBJECT else f"{line[: MAX_SUBJECT - 1]}…"


class _Engine:
    """One way of writing values, and the meter of the rendering under way."""

    def __init__(
        self,
        write: Callable[[str], str],
        fuel: int,
        max_output: int,
        max_seconds: float,
        cache_size: int,
    ) -> None:
        self._write = write
        self._max_output = max_output
        self._max_seconds = max_seconds
        self._room = 0
        self._deadline = 0.0
        self._scope = _Scope({}, "en")
        self._env = minijinja.Environment(
            fuel=fuel,
            undefined_behavior="strict",
            auto_escape_callback=lambda _name: False,
            finalizer=self._output,
            keep_trailing_newline=True,
            pycompat=False,
            variable_start_string=OUTPUT_START,
            variable_end_string=OUTPUT_END,
            block_start_string=BLOCK_START,
            block_end_string=BLOCK_END,
            comment_start_string=COMMENT_START,
            comment_end_string=COMMENT_END,
        )
        for name in list(self._env.globals):
            self._env.remove_global(name)
        for name, call in self._filters().items():
            self._env.add_filter(name, call)
        self._names = _Names(cache_size, self._env.remove_template)

    def _filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "upper": filters.upper,
            "lower": filters.lower,
            "title": filters.title,
            "trim": filters.trim,
            "length": filters.length,
            "first": filters.first,
            "last": filters.last,
            "lines": filters.lines,
            "urlencode": filters.urlencode,
            "link": filters.link,
            "join": filters.join,
            "truncate": filters.truncate,
            "round": filters.round_,
            "number": self._number,
            "datetime": self._datetime,
            "_default": filters.default,
            "_missing": _missing,
            "_key": _key,
            "_has": _has,
            "_turn": self._turn,
        }

    def render(self, program: Program, scope: _Scope) -> str:
        name = self._names.get(program.code)
        if name is None:
            name = blake2b(program.code.encode(), digest_size=16).hexdigest()
            self._env.add_template(name, program.code)
            self._names[program.code] = name
        self._scope = scope
        self._room = self._max_output
        self._deadline = time.monotonic() + self._max_seconds
        try:
            result = self._env.render_template(name, **scope.context)
        except minijinja.TemplateError as error:
            raise _named(error, program) from None
        except MissingVariable as error:
            raise MissingVariable(_longest(error.name, program), path=program.path) from None
        except TemplateError as error:
            error.path = program.path
            raise
        if len(result) > self._max_output:
            raise TemplateLimit("the message grew too large", path=program.path)
        return result

    def _output(self, value: object) -> object:
        if type(value) is not str:
            if value is None:
                return ""
            if callable(value):
                raise FilterFailed("only data can be written")
            value = str(value)
        written = self._write(value)
        self._room -= len(written)
        if self._room < 0:
            raise TemplateLimit("the message grew too large")
        return written

    def _turn(self, size: int) -> None:
        self._room -= size
        if self._room < 0:
            raise TemplateLimit("the message grew too large")
        if time.monotonic() > self._deadline:
            raise TemplateLimit("rendering took too long")

    def _number(self, value: object, decimals: int | None = None) -> str:
        return filters.number(value, decimals, locale=self._scope.locale)

    def _datetime(self, value: object, style: str = "medium", timezone: object = None) -> str:
        zone = timezone or self._scope.timezone
        return filters.instant(value, style, zone, locale=self._scope.locale)


class _Names(LRUCache[str, str]):
    """Program → name in the engine; what falls out is forgotten there too."""

    def __init__(self, maxsize: int, forget: Callable[[str], None]) -> None:
        super().__init__(maxsize)
        self._forget = forget

    @override
    def popitem(self) -> tuple[str, str]:
        code, name = super().popitem()
        self._forget(name)
        return code, name


def _missing(_value: object, name: str) -> str:
    raise MissingVariable(name)


def _key(value: Any, key: str | int, name: str | None) -> Any:
    if _has(value, key):
        return value[key]
    if name is None:
        return None
    raise MissingVariable(name)


def _has(value: object, key: str | int) -> bool:
    if isinstance(key, int):
        return isinstance(value, list | tuple) and 0 <= key < len(value)
    return isinstance(value, dict) and key in value


def _named(error: minijinja.TemplateError, program: Program) -> TemplateError:
    if error.kind == "OutOfFuel":
        return TemplateLimit("rendering took too many steps", path=program.path)
    found = _UNDEFINED.search(error.message)
    if found is None:
        return TemplateError("render_failed", error.message.split(" (in ")[0], path=program.path)
    return MissingVariable(_full_name(found.group(1), program), path=program.path)


def _full_name(expression: str, program: Program) -> str:
    """`data['job']` → `data.job.title` when that is what the template reads."""
    root = re.split(r"[.\[]", expression, maxsplit=1)[0]
    keys = ["".join(step) for step in _STEP.findall(expression[len(root) :])]
    return _longest(".".join((program.loops.get(root, root), *keys)), program)


def _longest(name: str, program: Program) -> str:
    if name in program.paths:
        return name
    return next((path for path in program.paths if path.startswith(f"{name}.")), name)
