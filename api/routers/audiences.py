"""`/api/audiences` and `/api/audience-lists`: whom a campaign would reach, and uploaded lists."""

from api.dependencies import Caller, Use, UuidPage
from api.route import api_router, requires
from api.schemas.audience import (
    AudienceListOut,
    AudiencePreviewIn,
    AudiencePreviewOut,
    ListName,
    UploadedListOut,
)
from api.schemas.common import IdPath, Listed, cursor_text
from api.uploads import CSV, Uploaded
from domain.enums import Scope

router = api_router("/audiences", "Audiences")
lists = api_router("/audience-lists", "Audiences")


@router.post("/preview", summary="Count an audience")
@requires(Scope.CAMPAIGNS_READ)
async def preview(body: AudiencePreviewIn, use: Use) -> AudiencePreviewOut:
    """How many users it has now, and ten of them: at random, and the same ones while it is."""
    return AudiencePreviewOut.of(await use.audiences.preview(body.audience))


@lists.post("", status_code=201, summary="Upload a list")
@requires(Scope.CAMPAIGNS_WRITE, takes=CSV)
async def upload_list(
    name: ListName, upload: Uploaded, caller: Caller, use: Use
) -> UploadedListOut:
    """CSV in UTF-8, up to 16 MiB, whose header names a `userId` or an `email` column. Rows that
    name no user are left out and told by line; what is not CSV is refused whole."""
    with upload.text() as lines:
        return UploadedListOut.made(await use.audience_lists.create(name, lines, caller.actor))


@lists.get("", summary="List uploaded lists")
@requires(Scope.CAMPAIGNS_READ)
async def list_lists(page: UuidPage, use: Use) -> Listed[AudienceListOut]:
    """Newest first."""
    found = await use.audience_lists.list(page)
    return Listed(
        data=[AudienceListOut.of(item) for item in found.items],
        next_cursor=cursor_text(found.next_cursor),
    )


@lists.get("/{id}", summary="Get an uploaded list")
@requires(Scope.CAMPAIGNS_READ)
async def get_list(list_id: IdPath, use: Use) -> AudienceListOut:
    return AudienceListOut.of(await use.audience_lists.get(list_id))


@lists.delete("/{id}", status_code=204, summary="Delete an uploaded list")
@requires(Scope.CAMPAIGNS_WRITE)
async def delete_list(list_id: IdPath, caller: Caller, use: Use) -> None:
    """Campaigns that have started keep their recipients; announcements to it vanish."""
    await use.audience_lists.delete(list_id, caller.actor)
