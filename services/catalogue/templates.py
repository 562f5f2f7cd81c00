"""Templates as authors edit them: every change is a new version, and none is stored broken."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from domain.content import RenderedMessage
from domain.enums import Channel
from domain.errors import Conflict, FieldError, Invalid, NotFound
from domain.paging import Page, PageRequest
from domain.ports.runtime import Clock, RenderProblem, TemplateProblem, TemplateRendererPort
from domain.ports.storage import Transaction, UnitOfWork
from domain.records.catalogue import TemplateSummary, TemplateVersion
from domain.records.operations import AuditEntry
from services.catalogue.layouts import layout_of
from services.catalogue.locales import DEFAULT_LOCALE, choose_locale
from services.catalogue.reading import Catalogue

PREVIEW_LINK: Final = "https://example.com/preview"
PREVIEW_USER: Final[Mapping[str, Any]] = {
    "id": "preview",
    "name": "Ada Example",
    "email": "ada@example.com",
    "phone": "+442079460000",
    "locale": "en",
    "timezone": "Europe/Berlin",
    "country": "DE",
    "attributes": {},
}


@dataclass(frozen=True, slots=True)
class TemplateDraft:
    """A template as an author gives it. None leaves a field as the version before has it."""

    key: str
    locale: str | None = None
    type: str | None = None
    channels: Mapping[str, Mapping[str, Any]] | None = None
    variables: Mapping[str, Any] | None = None
    example: Mapping[str, Any] | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True)
class TemplateView:
    template: TemplateVersion
    locales: tuple[str, ...]
    required: tuple[str, ...]
    """Variables without which some channel could not be written, as dotted names."""


class TemplateService:
    def __init__(
        self,
        uow: UnitOfWork,
        catalogue: Catalogue,
        renderer: TemplateRendererPort,
        clock: Clock,
    ) -> None:
        self._uow = uow
        self._catalogue = catalogue
        self._renderer = renderer
        self._clock = clock

    async def create(self, draft: TemplateDraft, actor: str) -> TemplateView:
        """A new template, or a known one in a new locale. Raises `Invalid("template_invalid")`,
        `Conflict("template_exists")`."""
        version = self._version(draft, None)
        await self._refuse_broken(version)
        async with self._uow() as tx:
            if await tx.catalogue.template(draft.key, locale=version.locale):
                raise Conflict(
                    "template_exists",
                    f"The template {draft.key!r} exists in {version.locale!r}; change it with PUT.",
                )
            return await self._add(tx, version, actor, "template.created")

    async def update(self, draft: TemplateDraft, actor: str) -> TemplateView:
        """A new version in the draft's locale, on top of the newest one there, if any. Raises
        `NotFound("template_not_found")`, `Invalid("template_invalid")`."""
        locale = draft.locale or DEFAULT_LOCALE
        async with self._uow() as tx:
            versions = await tx.catalogue.template(draft.key)
        if not versions:
            raise _not_found(draft.key)
        before = next((item for item in versions if item.locale == locale), None)
        version = self._version(replace(draft, locale=locale), before)
        await self._refuse_broken(version)
        async with self._uow() as tx:
            return await self._add(tx, version, actor, "template.updated")

    async def get(self, key: str, locale: str | None, version: int | None) -> TemplateView:
        """The newest, or the given, version in the best of its locales. Raises `NotFound`."""
        async with self._uow() as tx:
            found = {item.locale: item for item in await tx.catalogue.template(key)}
            if not found:
                raise _not_found(key)
            chosen = found[choose_locale(list(found), [locale])]
            if version is not None:
                exact = await tx.catalogue.template(key, locale=chosen.locale, version=version)
                if not exact:
                    raise _not_found(key)
                chosen = exact[0]
        return self._view(chosen, found)

    async def list(self, page: PageRequest) -> Page[TemplateSummary]:
        async with self._uow() as tx:
            return await tx.catalogue.templates(page)

    async def delete(self, key: str, actor: str) -> None:
        """Raises `NotFound("template_not_found")`."""
        async with self._uow() as tx:
            if not await tx.catalogue.delete_template(key):
                raise _not_found(key)
            await tx.operations.audit(
                AuditEntry(self._clock(), actor, "template.deleted", f"template:{key}")
            )
        self._catalogue.forget()

    async def render(
        self,
        key: str,
        channel: Channel,
        locale: str | None,
        data: Mapping[str, Any] | None,
        user: Mapping[str, Any],
    ) -> RenderedMessage:
        """A preview, drafts included; `data` None is the template's own example, and `user` is
        laid over a made-up one. Raises `NotFound`, `Invalid` for what cannot be rendered."""
        template = (await self.get(key, locale, None)).template
        if channel not in template.channels:
            raise NotFound(
                "template_channel_not_found", f"The template {key!r} has no words for {channel}."
            )
        shown = template.example if data is None else data
        context = {
            "user": {**PREVIEW_USER, **user},
            "data": dict(shown),
            "title": str(shown.get("title", "")),
            "content": str(shown.get("content", "")),
            "recommendations": shown.get("recommendations", []),
            "notification": {"id": "preview", "type": template.type or key, "priority": "medium"},
            "links": {"unsubscribe": PREVIEW_LINK, "preferences": PREVIEW_LINK},
            "locale": template.locale,
        }
        try:
            layout = await layout_of(template, self._renderer, self._catalogue)
            return self._renderer.render(template, channel, context, layout)
        except RenderProblem as error:
            field = error.variable or f"channels.{channel}"
            raise Invalid(
                error.code, error.detail, errors=(FieldError(field, error.code, error.detail),)
            ) from error

    async def validate(self, draft: TemplateDraft) -> tuple[TemplateProblem, ...]:
        """Everything wrong with it; empty when it could be stored."""
        return await self._problems(self._version(draft, None))

    async def _problems(self, version: TemplateVersion) -> tuple[TemplateProblem, ...]:
        layout = await layout_of(version, self._renderer, self._catalogue)
        return tuple(self._renderer.validate(version, layout))

    def _version(self, draft: TemplateDraft, before: TemplateVersion | None) -> TemplateVersion:
        def given(name: str, default: Any) -> Any:
            value = getattr(draft, name)
            if value is not None:
                return value
            return getattr(before, name) if before is not None else default

        return TemplateVersion(
            key=draft.key,
            locale=given("locale", DEFAULT_LOCALE),
            version=before.version + 1 if before else 1,
            type=given("type", None),
            channels=given("channels", {}),
            variables=given("variables", {}),
            example=given("example", {}),
            status=given("status", "draft"),
            created_at=self._clock(),
        )

    async def _refuse_broken(self, version: TemplateVersion) -> None:
        problems = await self._problems(version)
        if problems:
            raise Invalid(
                "template_invalid",
                "The template would not render.",
                errors=tuple(FieldError(field_of(p), p.code, p.detail) for p in problems),
            )

    async def _add(
        self, tx: Transaction, version: TemplateVersion, actor: str, action: str
    ) -> TemplateView:
        if version.type is not None and await tx.catalogue.type(version.type) is None:
            problem = FieldError("type", "unknown_type", f"There is no type {version.type!r}.")
            raise Invalid("unknown_type", problem.detail, errors=(problem,))
        stored = await tx.catalogue.add_template_version(version)
        await tx.operations.audit(
            AuditEntry(
                self._clock(),
                actor,
                action,
                f"template:{stored.key}",
                {"locale": stored.locale, "version": stored.version},
            )
        )
        self._catalogue.forget()
        return self._view(stored, [item.locale for item in await tx.catalogue.template(stored.key)])

    def _view(self, version: TemplateVersion, locales: Iterable[str]) -> TemplateView:
        channels = [Channel(name) for name in version.channels]
        required = self._renderer.required_variables(version, channels)
        return TemplateView(version, tuple(sorted(locales)), tuple(sorted(required)))


def field_of(problem: TemplateProblem) -> str:
    """The problem's place as a field of the request: `email.mjml` → `channels.email.mjml`."""
    head = problem.path.partition(".")[0]
    return f"channels.{problem.path}" if head in set(Channel) else problem.path or "channels"


def _not_found(key: str) -> NotFound:
    return NotFound("template_not_found", f"There is no template {key!r}.")
