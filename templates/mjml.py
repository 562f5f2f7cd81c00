"""MJML to HTML. The compiler is lenient with unknown elements, so they are looked for here."""

import re
from typing import Final

import mrml

from templates.errors import TemplateProblem, TemplateRefused

_ELEMENT: Final = re.compile(r"<(mj-[a-z0-9-]+|mjml)\b", re.I)
_COMMENT: Final = re.compile(r"<!--.*?-->", re.S)
_NAMES: Final = """
accordion accordion-element accordion-text accordion-title all attributes body breakpoint button
carousel carousel-image class column divider font group head hero image navbar navbar-link preview
raw section social social-element spacer style table text title wrapper
"""
_KNOWN: Final = frozenset({"mjml", *(f"mj-{name}" for name in _NAMES.split())})


def check_mjml(source: str, *, part: str) -> list[TemplateProblem]:
    """Elements no MJML compiler knows, and includes, which have nothing to include from."""
    problems = []
    blank = _COMMENT.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), source)
    for found in _ELEMENT.finditer(blank):
        name = found.group(1).lower()
        if name in _KNOWN:
            continue
        line = blank.count("\n", 0, found.start()) + 1
        code = "not_allowed" if name == "mj-include" else "mjml_unknown_element"
        message = f"`<{name}>` is not available"
        problems.append(TemplateProblem(path=part, line=line, code=code, message=message))
    return problems


def compile_mjml(document: str, *, part: str) -> str:
    """HTML of a whole `<mjml>` document; TemplateRefused with the compiler's reason."""
    try:
        return mrml.to_html(document).content
    except OSError as error:
        message = f"the MJML cannot be read: {_reason(error)}"
        problem = TemplateProblem(path=part, code="mjml_invalid", message=message)
        raise TemplateRefused([problem]) from error


def _reason(error: OSError) -> str:
    reason = str(error).replace(" in root template", "")
    if "next template" in reason or "unexpected end" in reason:
        return f"{reason}; look for an element that is not closed, or a `<` that should be `&lt;`"
    return reason
