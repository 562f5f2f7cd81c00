"""Everything an author should hear before a template is saved, all at once.

The sources are checked, the template is compiled, and its own example is rendered on every
channel, so that a template with an example is known to work with at least that.
"""

from collections.abc import Mapping
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from domain.enums import Channel
from templates.compile import CompiledTemplate, check_parts, compile_template, sources_of
from templates.errors import TemplateError, TemplateProblem, TemplateRefused
from templates.parts import ChannelParts, Layout
from templates.renderer import MAX_SUBJECT, TemplateRenderer
from templates.syntax import CONTEXT_NAMES
from templates.variables import required_variables, used_variables

MAX_SMS: Final = 1_600
MAX_TITLE: Final = {Channel.PUSH: 120, Channel.WEBSOCKET: 255}
MAX_BODY: Final = {Channel.PUSH: 1_000, Channel.WEBSOCKET: 10_000}

SAMPLE_CONTEXT: Final[dict[str, Any]] = {
    "user": {
        "id": "user-1",
        "name": "Ada Lovelace",
        "email": "ada@example.com",
        "phone": "+442079460000",
        "locale": "en",
        "timezone": "Europe/London",
        "country": "GB",
        "attributes": {},
    },
    "title": "A short title",
    "content": "A first paragraph.\n\nA second paragraph.",
    "recommendations": [
        {
            "id": "job-1",
            "title": "Backend engineer",
            "company": "Example Ltd",
            "location": "Berlin",
            "score": 0.93,
            "url": "https://example.com/jobs/1",
        }
    ],
    "links": {
        "unsubscribe": "https://example.com/unsubscribe",
        "preferences": "https://example.com/preferences",
    },
    "notification": {"id": "n-1", "type": "example", "priority": "medium"},
    "locale": "en",
}


def validate_template(
    parts: ChannelParts,
    variables: Mapping[str, Any] | None = None,
    example: Mapping[str, Any] | None = None,
    *,
    locale: str = "en",
    layouts: Mapping[str, Layout] | None = None,
) -> list[TemplateProblem]:
    """Every problem; empty when the template may be saved.

    `variables` is the JSON Schema of `data`, and `example` a `data` that fits it. Without an
    example, only what needs no data is tried out.
    """
    problems = [*check_parts(parts), *check_schema(variables or {})]
    if not problems:
        problems += _unknown_variables(parts, variables or {})
        problems += check_data(variables or {}, example or {}, at="example") if example else []
    if problems:
        return problems
    try:
        compiled = compile_template(parts, locale=locale, layouts=layouts)
    except TemplateRefused as refused:
        return list(refused.problems)
    if "\n" in (parts.email.subject.strip() if parts.email else ""):
        problems.append(_problem("channels.email.subject", "too_many_lines", "one line only"))
    if example or not _needs_data(parts):
        problems += _try_out(compiled, parts, {**SAMPLE_CONTEXT, "data": dict(example or {})})
    return problems


def check_schema(schema: Mapping[str, Any]) -> list[TemplateProblem]:
    """Whether `schema` is a JSON Schema (2020-12) that needs nothing from elsewhere."""
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        at = ".".join(str(step) for step in ("variables", *error.absolute_path))
        return [_problem(at, "schema_invalid", error.message[:300])]
    if any(not ref.startswith("#") for ref in _references(schema)):
        return [_problem("variables", "schema_invalid", "`$ref` may only point inside (`#/…`)")]
    return []


def check_data(
    schema: Mapping[str, Any], data: Mapping[str, Any], *, at: str = "data"
) -> list[TemplateProblem]:
    """Where `data` does not fit a (checked) `schema`."""
    found = Draft202012Validator(schema).iter_errors(data)
    return [
        _problem(".".join(str(s) for s in (at, *error.absolute_path)), "data_invalid", message)
        for error in sorted(found, key=lambda e: [str(s) for s in e.absolute_path])
        for message in (error.message[:300],)
    ]


def _references(value: object) -> list[str]:
    if isinstance(value, Mapping):
        own = [v for k, v in value.items() if k in {"$ref", "$dynamicRef"} and isinstance(v, str)]
        return own + [ref for inner in value.values() for ref in _references(inner)]
    if isinstance(value, list):
        return [ref for inner in value for ref in _references(inner)]
    return []


def _unknown_variables(parts: ChannelParts, schema: Mapping[str, Any]) -> list[TemplateProblem]:
    problems = []
    declared = schema.get("properties")
    closed = schema.get("additionalProperties") is False and isinstance(declared, Mapping)
    for path, source in sources_of(parts).items():
        for name in sorted(used_variables(source)):
            root, _, rest = name.partition(".")
            if root not in CONTEXT_NAMES:
                message = f"there is no variable `{name}`; did you mean `data.{name}`?"
                problems.append(_problem(path, "unknown_variable", message))
            elif closed and root == "data" and rest and rest.split(".")[0] not in (declared or ()):
                message = f"`{name}` is not among the template's variables"
                problems.append(_problem(path, "unknown_variable", message))
    return problems


def _needs_data(parts: ChannelParts) -> bool:
    needed = {name for source in sources_of(parts).values() for name in required_variables(source)}
    return any(name.partition(".")[0] == "data" for name in needed)


def _try_out(
    compiled: CompiledTemplate, parts: ChannelParts, context: Mapping[str, Any]
) -> list[TemplateProblem]:
    renderer = TemplateRenderer(cache_size=16)
    problems: list[TemplateProblem] = []
    for channel in parts.channels:
        at = f"channels.{channel.value}"
        try:
            message = renderer.render(compiled, context, channel=channel)
            if compiled.email is not None and channel is Channel.EMAIL:
                subject = renderer.render_text(
                    compiled.email.subject, context, locale=compiled.locale
                )
                problems += _size(f"{at}.subject", subject.strip(), MAX_SUBJECT)
            elif channel is Channel.SMS:
                problems += _size(f"{at}.body", message.text, MAX_SMS)
            elif channel in MAX_TITLE:
                problems += _size(f"{at}.title", message.title or "", MAX_TITLE[channel])
                problems += _size(f"{at}.body", message.text, MAX_BODY[channel])
        except TemplateError as error:
            problems.append(_problem(error.path or at, error.code, error.detail))
    return problems


def _size(path: str, text: str, most: int) -> list[TemplateProblem]:
    if not text:
        return [_problem(path, "empty", "with the example nothing is written here")]
    if len(text) > most:
        message = f"with the example this is {len(text)} characters, more than {most}"
        return [_problem(path, "too_long", message)]
    return []


def _problem(path: str, code: str, message: str) -> TemplateProblem:
    return TemplateProblem(path=path, code=code, message=message)
