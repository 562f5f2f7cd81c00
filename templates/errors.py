"""What goes wrong with a template, in words its author understands.

Invalid (domain)
└── TemplateError         `path` names the part, such as `channels.email.html`
    ├── TemplateRefused   it may not be used at all; `problems` lists every reason
    ├── MissingVariable   `name` is the variable the context does not hold
    ├── FilterFailed      a filter was given a value it cannot work with
    └── TemplateLimit     rendering took too many steps, too long, or grew too large
"""

from collections.abc import Sequence

from domain.base import Wire
from domain.errors import FieldError, Invalid


class TemplateProblem(Wire):
    """One thing wrong with a template. `line` counts from 1 inside the part named by `path`."""

    path: str
    code: str
    message: str
    line: int | None = None


class TemplateError(Invalid):
    def __init__(
        self, code: str, detail: str, *, path: str = "", errors: tuple[FieldError, ...] = ()
    ) -> None:
        super().__init__(code, detail, errors=errors)
        self.path = path


class TemplateRefused(TemplateError):
    """Raised with at least one problem."""

    def __init__(self, problems: Sequence[TemplateProblem]) -> None:
        first = problems[0]
        where = f"{first.path}, line {first.line}" if first.line else first.path
        super().__init__(
            "template_invalid",
            f"The template cannot be used: {first.message} ({where})",
            path=first.path,
            errors=tuple(FieldError(p.path, p.code, p.message) for p in problems),
        )
        self.problems = tuple(problems)


class MissingVariable(TemplateError):
    def __init__(self, name: str, *, path: str = "") -> None:
        where = f" by {path}" if path else ""
        super().__init__(
            "missing_variable",
            f"The variable `{name}` is needed{where} and was not given",
            path=path,
        )
        self.name = name


class FilterFailed(TemplateError):
    def __init__(self, detail: str, *, path: str = "") -> None:
        super().__init__("filter_failed", detail, path=path)


class TemplateLimit(TemplateError):
    def __init__(self, detail: str, *, path: str = "") -> None:
        super().__init__("template_limit", detail, path=path)
