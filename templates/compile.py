"""Does once per template version what does not depend on the recipient.

The layout is laid around the body, MJML becomes HTML, styles move into the elements, a missing
text part is derived, and every part becomes a checked program for the renderer.
"""

import re
from collections.abc import Mapping
from typing import Final

import css_inline

from domain.base import Wire
from templates.check import check_template
from templates.errors import TemplateProblem, TemplateRefused
from templates.mjml import check_mjml, compile_mjml
from templates.parts import ChannelParts, EmailParts, Layout, TitledParts
from templates.placeholders import Hidden, hide_tags
from templates.program import Program, write_program
from templates.syntax import MAX_SOURCE_BYTES
from templates.textpart import derive_text

DEFAULT_LAYOUT: Final = "default"
NO_LAYOUT: Final = "none"
MAX_COMPILED: Final = 2 * MAX_SOURCE_BYTES

_HOLE: Final = re.compile(r"\{\{-?\s*content\s*-?\}\}")
_WHOLE: Final = re.compile(r"<mjml\b|<html\b|<!doctype", re.I)
_SCRIPT: Final = re.compile(r"<script\b|<iframe\b|<object\b|<embed\b|\son[a-z]+\s*=\s*[\"']", re.I)
_INLINER: Final = css_inline.CSSInliner(load_remote_stylesheets=False, keep_at_rules=True)


class CompiledEmail(Wire):
    subject: Program
    html: Program | None = None
    text: Program


class CompiledSms(Wire):
    body: Program


class CompiledTitled(Wire):
    title: Program
    body: Program


class CompiledTemplate(Wire):
    """Everything a renderer needs; frozen, picklable, and a pydantic model for caches."""

    locale: str = "en"
    email: CompiledEmail | None = None
    sms: CompiledSms | None = None
    push: CompiledTitled | None = None
    websocket: CompiledTitled | None = None


def compile_template(
    parts: ChannelParts, *, locale: str = "en", layouts: Mapping[str, Layout] | None = None
) -> CompiledTemplate:
    """TemplateRefused, with every problem found, when a part may not be used.

    `layouts` by name; `locale` decides how dates and numbers are written.
    """
    problems = check_parts(parts)
    if problems:
        raise TemplateRefused(problems)
    at = "channels"
    return CompiledTemplate(
        locale=locale,
        email=None if parts.email is None else _email(parts.email, layouts or {}),
        sms=None
        if parts.sms is None
        else CompiledSms(body=write_program(parts.sms.body, part=f"{at}.sms.body")),
        push=_titled(parts.push, f"{at}.push"),
        websocket=_titled(parts.websocket, f"{at}.websocket"),
    )


def check_parts(parts: ChannelParts) -> list[TemplateProblem]:
    """The allow-list over every source of every channel."""
    problems: list[TemplateProblem] = []
    for path, source in sources_of(parts).items():
        problems += check_template(source, part=path)
        if path.endswith((".html", ".mjml")):
            problems += check_markup(source, part=path)
    return problems


def check_markup(source: str, *, part: str) -> list[TemplateProblem]:
    problems = check_mjml(source, part=part) if part.endswith(".mjml") else []
    for found in _SCRIPT.finditer(source):
        line = source.count("\n", 0, found.start()) + 1
        message = "scripts, frames and event handlers are not available in email"
        problems.append(TemplateProblem(path=part, line=line, code="not_allowed", message=message))
    return problems


def sources_of(parts: ChannelParts) -> dict[str, str]:
    """Each source by its path, such as `channels.email.subject`."""
    found: dict[str, str] = {}
    for channel in parts.channels:
        words: Wire = getattr(parts, channel.value)
        for name, value in words.model_dump(exclude={"layout"}, exclude_none=True).items():
            found[f"channels.{channel.value}.{name}"] = value
    return found


def _titled(parts: TitledParts | None, at: str) -> CompiledTitled | None:
    if parts is None:
        return None
    return CompiledTitled(
        title=write_program(parts.title, part=f"{at}.title"),
        body=write_program(parts.body, part=f"{at}.body"),
    )


def _email(email: EmailParts, layouts: Mapping[str, Layout]) -> CompiledEmail:
    at = "channels.email"
    subject = write_program(email.subject, part=f"{at}.subject")
    layout = _layout(email, layouts)
    body = email.mjml if email.mjml is not None else email.html
    text = email.text
    html: Program | None = None
    if body is not None:
        part = f"{at}.mjml" if email.mjml is not None else f"{at}.html"
        page, hidden = _page(body, part, layout)
        html = write_program(hidden.restore(page), part=f"{at}.html")
        if text is None:
            blocks = frozenset(i for i, tag in enumerate(hidden.tags) if tag.startswith("{%"))
            words = hidden.restore(derive_text(page, blocks))
            return CompiledEmail(
                subject=subject, html=html, text=write_program(words, part=f"{at}.text")
            )
    words = text or ""
    if layout is not None and layout.text is not None:
        words = _fill(layout.text, words, f"layouts.{email.layout or DEFAULT_LAYOUT}.text")
    return CompiledEmail(subject=subject, html=html, text=write_program(words, part=f"{at}.text"))


def _layout(email: EmailParts, layouts: Mapping[str, Layout]) -> Layout | None:
    body = email.mjml if email.mjml is not None else email.html
    if email.layout == NO_LAYOUT:
        return None
    if email.layout is None:
        whole = body is not None and _WHOLE.search(body) is not None
        return None if whole else layouts.get(DEFAULT_LAYOUT)
    layout = layouts.get(email.layout)
    if layout is None:
        raise _refused("channels.email.layout", "unknown_layout", f"no layout `{email.layout}`")
    if body is not None and _WHOLE.search(body):
        message = "the body is a whole document; a layout frames a fragment"
        raise _refused("channels.email.layout", "layout_mismatch", message)
    return layout


def _page(body: str, part: str, layout: Layout | None) -> tuple[str, Hidden]:
    """The finished page with marks for tags, and what the marks stand for."""
    is_mjml = part.endswith(".mjml")
    source = body
    if layout is not None and layout.mjml is not None:
        source = _fill(layout.mjml, body if is_mjml else _in_text(body), f"{part}.layout")
        is_mjml = True
    elif layout is not None and layout.html is not None:
        if is_mjml:
            raise _refused("channels.email.layout", "layout_mismatch", "the layout is not MJML")
        source = _fill(layout.html, body, f"{part}.layout")
    elif is_mjml and not _WHOLE.search(body):
        source = f"<mjml><mj-body>{body}</mj-body></mjml>"
    hidden = hide_tags(source, part=part)
    if hidden.problems:
        raise TemplateRefused(hidden.problems)
    html = compile_mjml(hidden.text, part=part) if is_mjml else hidden.text
    try:
        page = _INLINER.inline(html)
    except ValueError as error:
        raise _refused(part, "css_invalid", f"the styles cannot be read: {error}") from error
    lost = hidden.lost(page)
    if lost is not None:
        message = f"`{lost[:80]}` cannot stand where it does; move it inside or around an element"
        raise _refused(part, "tag_misplaced", message)
    if len(page) > MAX_COMPILED:
        raise _refused(part, "too_large", f"the finished page is over {MAX_COMPILED} characters")
    return page, hidden


def _in_text(html: str) -> str:
    return f"<mj-section><mj-column><mj-text>{html}</mj-text></mj-column></mj-section>"


def _fill(frame: str, body: str, part: str) -> str:
    if len(_HOLE.findall(frame)) != 1:
        raise _refused(part, "layout_invalid", "a layout holds `{{ content }}` exactly once")
    return _HOLE.sub(lambda _: body.rstrip("\n"), frame)


def _refused(part: str, code: str, message: str) -> TemplateRefused:
    return TemplateRefused([TemplateProblem(path=part, code=code, message=message)])
