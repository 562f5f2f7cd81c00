"""What the services ask of the running system: a clock, workflows, templates, caches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from domain.content import RenderedMessage
from domain.enums import Channel
from domain.records.catalogue import TemplateVersion
from domain.records.notifications import Notification


class Clock(Protocol):
    def __call__(self) -> datetime:
        """The present instant, aware, in UTC."""


class WorkflowGateway(Protocol):
    """Temporal as the services see it. Nothing here is needed for an answer to be true: the
    ledger has decided already, and a relay repeats what could not be told."""

    async def start_notification(self, notification_id: UUID, redrives: int) -> None:
        """Starts the workflow once; a second call finds it. Raises `Unavailable`."""

    async def start_batch(self, batch_id: UUID, size: int) -> None:
        """Starts the workflow of a batch; while it runs a second call finds it. Raises
        `Unavailable`."""

    async def signal_notification(self, notification_id: UUID, redrives: int, kind: str) -> None:
        """Wakes the workflow. A workflow that has ended needs no telling. Raises `Unavailable`."""


class Starter(Protocol):
    """Hands work to the background so that no request waits for Temporal."""

    def start(
        self, notification_id: UUID, redrives: int = 0, about: Notification | None = None
    ) -> None:
        """`about` only makes the workflow easier to find in the Web UI."""

    def start_batch(self, batch_id: UUID, size: int) -> None: ...

    def signal(self, signal_id: UUID, notification_id: UUID, redrives: int, kind: str) -> None: ...


class RenderProblem(Exception):
    """A template could not be rendered: `code` is stable, `variable` names what is missing."""

    def __init__(self, code: str, detail: str, variable: str | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.variable = variable


@dataclass(frozen=True, slots=True)
class TemplateProblem:
    path: str
    """Where: `email.mjml`, `sms.body`, `example`."""
    code: str
    detail: str
    line: int | None = None


class TemplateRendererPort(Protocol):
    """Rendering as the services see it; pure computation behind it."""

    def render(
        self,
        template: TemplateVersion | None,
        channel: Channel,
        context: Mapping[str, Any],
        layout: TemplateVersion | None = None,
    ) -> RenderedMessage:
        """The channel's message. `template` None: the built-in one for title and content, in the
        language of `context["locale"]`. `layout` is the one `stored_layout` names.
        Raises `RenderProblem`."""

    def render_line(self, source: str, context: Mapping[str, Any], locale: str) -> str:
        """One line of text written as a template, such as a subject. Raises `RenderProblem`."""

    def is_markable(
        self,
        template: TemplateVersion | None,
        channel: Channel,
        layout: TemplateVersion | None,
        locale: str,
        line: str | None,
    ) -> bool:
        """Whether the channel's words, and `line`, come out the same for everybody but for
        `user.id`, `name`, `email`, `phone` and `links`, which may be marks then."""

    def check_line(self, source: str, part: str) -> Sequence[TemplateProblem]:
        """Everything wrong with such a line."""

    def stored_layout(self, template: TemplateVersion) -> str | None:
        """The key of the template its email is set in; None for a built-in layout, or none."""

    def validate(
        self, template: TemplateVersion, layout: TemplateVersion | None = None
    ) -> Sequence[TemplateProblem]:
        """Everything wrong with a template, in the order a person would mend it."""

    def required_variables(
        self, template: TemplateVersion, channels: Sequence[Channel]
    ) -> frozenset[str]:
        """Dotted names without which the parts for these channels cannot be written, and those
        its schema of `data` requires."""
