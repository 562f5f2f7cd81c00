"""Fetching a file that a notification names by URL, and the two ways in which that can fail."""

from datetime import timedelta
from typing import Protocol


class AttachmentProblem(Exception):
    """An attachment could not be had. `code` is stable; `detail` holds no URL, as those may be
    secrets."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class AttachmentUnavailable(AttachmentProblem):
    """Not now: the network, or a server that is busy or broken. Trying again may help."""

    def __init__(self, code: str, detail: str, after: timedelta | None = None) -> None:
        super().__init__(code, detail)
        self.after = after
        """What the server asked for, if it did."""


class AttachmentRefused(AttachmentProblem):
    """Never: it is gone, too large, of another type, or lies where nothing is fetched from."""


class AttachmentFetcher(Protocol):
    async def fetch(self, url: str, content_type: str, limit: int) -> bytes:
        """The file, of at most `limit` bytes and of the type it was said to be. Raises
        `AttachmentUnavailable` and `AttachmentRefused`, nothing else."""

    async def aclose(self) -> None: ...
