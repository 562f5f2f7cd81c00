"""`/api/users`: profiles, and tokens for a user's own calls."""

from fastapi import Response

from api.dependencies import Caller, NamedPage, Use
from api.documents import created
from api.route import api_router, requires
from api.schemas.common import Listed, UserPath, cursor_text
from api.schemas.users import TokenIn, TokenOut, UserIn, UserOut
from domain.enums import Scope

router = api_router("/users", "Users")


@router.get("", summary="List users")
@requires(Scope.USERS_READ)
async def list_users(page: NamedPage, use: Use) -> Listed[UserOut]:
    """Newest first."""
    found = await use.users.list(page)
    return Listed(
        data=[UserOut.of(user) for user in found.items],
        next_cursor=cursor_text(found.next_cursor),
    )


@router.put("/{user_id}", summary="Create or replace a user", responses=created(UserOut))
@requires(Scope.USERS_WRITE)
async def put_user(user_id: UserPath, body: UserIn, response: Response, use: Use) -> UserOut:
    """201 when the user is new. A changed time zone or address plans waiting notifications
    anew."""
    user, is_new = await use.users.put(user_id, body.profile())
    response.status_code = 201 if is_new else 200
    return UserOut.of(user)


@router.get("/{user_id}", summary="Get a user")
@requires(Scope.USERS_READ)
async def get_user(user_id: UserPath, use: Use) -> UserOut:
    return UserOut.of(await use.users.get(user_id))


@router.delete("/{user_id}", status_code=204, summary="Erase a user")
@requires(Scope.USERS_WRITE)
async def delete_user(user_id: UserPath, caller: Caller, use: Use) -> None:
    """Cancels what is waiting and destroys the user's key, so that nothing personal can be read
    again anywhere."""
    await use.users.delete(user_id, caller.actor)


@router.post("/{user_id}/tokens", status_code=201, summary="Make a token for a user")
@requires(Scope.USERS_WRITE)
async def mint_token(user_id: UserPath, use: Use, body: TokenIn | None = None) -> TokenOut:
    """Opens this user's inbox, preferences and WebSocket for a while."""
    lifetime = (body or TokenIn()).expires_in
    return TokenOut.of(await use.tokens.mint(user_id, lifetime))
