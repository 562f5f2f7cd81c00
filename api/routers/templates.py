"""`/api/templates`: versions in several languages, with preview and check."""

from typing import Annotated

from fastapi import Query

from api.dependencies import Caller, NamedPage, Use
from api.documents import refusal
from api.route import api_router, requires
from api.schemas.common import KeyPath, Listed, Locale, cursor_text
from api.schemas.templates import (
    RenderedOut,
    RenderIn,
    TemplateChangeIn,
    TemplateIn,
    TemplateOut,
    TemplateProblemOut,
    TemplateSummaryOut,
    ValidationOut,
    Version,
)
from domain.enums import Scope

router = api_router("/templates", "Templates")


@router.post("", status_code=201, summary="Create a template")
@requires(Scope.TEMPLATES_WRITE)
async def create_template(body: TemplateIn, caller: Caller, use: Use) -> TemplateOut:
    """A new key, or a known one in a new locale. Refused when it would not render."""
    return TemplateOut.of(await use.templates.create(body.draft(), caller.actor))


@router.get("", summary="List templates")
@requires(Scope.TEMPLATES_READ)
async def list_templates(page: NamedPage, use: Use) -> Listed[TemplateSummaryOut]:
    found = await use.templates.list(page)
    return Listed(
        data=[TemplateSummaryOut.of(item) for item in found.items],
        next_cursor=cursor_text(found.next_cursor),
    )


@router.post("/validate", summary="Check a template without storing it")
@requires(Scope.TEMPLATES_READ)
async def validate_template(body: TemplateIn, use: Use) -> ValidationOut:
    problems = [
        TemplateProblemOut(path=p.path, code=p.code, detail=p.detail, line=p.line)
        for p in await use.templates.validate(body.draft())
    ]
    return ValidationOut(valid=not problems, problems=problems)


@router.get("/{key}", summary="Get a template")
@requires(Scope.TEMPLATES_READ)
async def get_template(
    key: KeyPath,
    use: Use,
    locale: Annotated[Locale | None, Query()] = None,
    version: Annotated[Version | None, Query()] = None,
) -> TemplateOut:
    """The newest version, in the locale that fits best."""
    return TemplateOut.of(await use.templates.get(key, locale, version))


@router.put("/{key}", summary="Add a version")
@requires(Scope.TEMPLATES_WRITE)
async def update_template(
    key: KeyPath, body: TemplateChangeIn, caller: Caller, use: Use
) -> TemplateOut:
    """What is absent stays as it was. What was accepted before keeps the version it had."""
    return TemplateOut.of(await use.templates.update(body.draft(key), caller.actor))


@router.delete("/{key}", status_code=204, summary="Delete a template")
@requires(Scope.TEMPLATES_WRITE)
async def delete_template(key: KeyPath, caller: Caller, use: Use) -> None:
    """In every locale and version."""
    await use.templates.delete(key, caller.actor)


@router.post(
    "/{key}/render",
    summary="Preview a channel",
    response_model_exclude_none=True,
    responses={404: refusal(404)},
)
@requires(Scope.TEMPLATES_READ)
async def render_template(key: KeyPath, body: RenderIn, use: Use) -> RenderedOut:
    """The parts a recipient would get."""
    message = await use.templates.render(key, body.channel, body.locale, body.data, body.user)
    return RenderedOut(
        channel=body.channel,
        subject=message.subject,
        html=message.html,
        title=message.title,
        text=message.text,
    )
