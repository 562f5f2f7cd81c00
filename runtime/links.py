"""Links into Herald's own pages, signed, and the same each time they are asked for."""

from domain.signing import sign_link


class SignedLinks:
    """Builds links under the public URL. A link names a user and a type; nobody can forge one."""

    def __init__(self, public_url: str, key: bytes) -> None:
        self._base = public_url.rstrip("/")
        self._key = key

    def unsubscribe(self, user_id: str, type_name: str) -> str:
        """The one-click page for one type (RFC 8058): GET shows it, POST does it."""
        token = sign_link(self._key, "unsubscribe", user_id, type_name)
        return f"{self._base}/api/unsubscribe/{token}"

    def preferences(self, user_id: str) -> str:
        """The page with all of a user's choices."""
        token = sign_link(self._key, "preferences", user_id)
        return f"{self._base}/preferences/{token}"
