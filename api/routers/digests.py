"""`/api/users/{user_id}/digests`: what is gathered, sent before its window ends."""

from api.dependencies import Use
from api.route import api_router, requires
from api.schemas.common import UserPath
from api.schemas.digests import DigestKeyPath, FlushOut, flush_out
from domain.enums import Scope

router = api_router("/users/{user_id}/digests", "Digests")


@router.post("/{key:path}/flush", summary="Send a digest now")
@requires(Scope.NOTIFICATIONS_WRITE, own_user=True)
async def flush_digest(user_id: UserPath, digest_key: DigestKeyPath, use: Use) -> FlushOut:
    """Makes one notification of everything that waits under the key, whatever its window. It
    goes the ordinary way from there: quiet hours and limits hold for it."""
    return flush_out(await use.digests.flush(user_id, digest_key))
