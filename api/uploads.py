"""Bodies that are files: received into a file that stays in memory while it is small.

A body is whole before anything is done with it, so that a slow or broken upload holds no
transaction and leaves nothing, and a repeated one is recognised by its digest.
"""

import hashlib
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO, Annotated, Any, Final

from fastapi import Depends, Request

from api.errors import UnsupportedBody

CSV: Final = "text/csv"
_IN_MEMORY: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Upload:
    file: IO[bytes]
    digest: bytes
    """SHA-256."""

    def text(self) -> io.TextIOWrapper:
        """Its lines, with or without a byte order mark; what is no UTF-8 becomes surrogates."""
        self.file.seek(0)
        return io.TextIOWrapper(self.file, "utf-8-sig", errors="surrogateescape", newline="")


@asynccontextmanager
async def received(request: Request, media_type: str) -> AsyncIterator[Upload]:
    """The whole body. Raises `UnsupportedBody`, and what the body's limit raises."""
    _require(request.headers.get("content-type", media_type), media_type)
    digest = hashlib.sha256()
    with SpooledTemporaryFile(_IN_MEMORY) as file:
        async for chunk in request.stream():
            digest.update(chunk)
            file.write(chunk)
        yield Upload(file, digest.digest())


def _require(declared: str, media_type: str) -> None:
    kind, *options = (part.strip().lower() for part in declared.split(";"))
    charsets = [o.partition("=")[2].strip('"') for o in options if o.startswith("charset=")]
    if kind != media_type or any(one not in {"utf-8", "us-ascii"} for one in charsets):
        raise UnsupportedBody("unsupported_media_type", f"Send the body as {media_type}, in UTF-8.")


async def _upload(request: Request) -> Upload:
    upload: Upload = request.state.upload
    return upload


Uploaded = Annotated[Upload, Depends(_upload)]
"""For an endpoint that `@requires(…, takes=…)` a file."""


def file_body(media_type: str) -> dict[str, Any]:
    """The body of such an endpoint, for the document."""
    schema = {"type": "string"}
    return {"requestBody": {"required": True, "content": {media_type: {"schema": schema}}}}
