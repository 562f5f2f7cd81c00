"""`/api/api-keys`: who may call."""

from api.dependencies import Caller, Use, UuidPage
from api.route import api_router, requires
from api.schemas.common import IdPath, Listed, cursor_text
from api.schemas.operations import ApiKeyIn, ApiKeyOut, NewApiKeyOut
from domain.enums import Scope

router = api_router("/api-keys", "API keys")


@router.post("", status_code=201, summary="Create a key")
@requires(Scope.ADMIN)
async def create_key(body: ApiKeyIn, caller: Caller, use: Use) -> NewApiKeyOut:
    """`key` is the secret; it is shown this once and kept only as a hash."""
    made = await use.api_keys.create(
        body.name, frozenset(body.scopes), body.rate_limit, body.expires_at, caller.actor
    )
    return NewApiKeyOut(**dict(ApiKeyOut.of(made.key)), key=made.secret)


@router.get("", summary="List keys")
@requires(Scope.ADMIN)
async def list_keys(page: UuidPage, use: Use) -> Listed[ApiKeyOut]:
    found = await use.api_keys.list(page)
    return Listed(
        data=[ApiKeyOut.of(key) for key in found.items],
        next_cursor=cursor_text(found.next_cursor),
    )


@router.delete("/{id}", status_code=204, summary="Revoke a key")
@requires(Scope.ADMIN)
async def revoke_key(key_id: IdPath, caller: Caller, use: Use) -> None:
    """Other processes take it for ten more seconds at most."""
    await use.api_keys.revoke(key_id, caller.actor)
