"""Who something goes to."""

from domain.base import UserId, Wire


class Audience(Wire):
    user_ids: tuple[UserId, ...] | None = None
    everyone: bool | None = None
