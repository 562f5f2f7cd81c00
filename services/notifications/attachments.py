"""Attachments: refused when a notification is accepted, fetched when it is sent.

What is given by URL is fetched anew for each attempt and never stored. A provider that is asked
again with the same key is meant to get the same bytes, so what lies at a URL should not change.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from domain.attachments import (
    MAX_BYTES,
    MAX_TOTAL_BYTES,
    AllowedHosts,
    size_problem,
    type_problem,
)
from domain.content import Attachment, AttachmentSource, EmailOptions
from domain.errors import FieldError, Invalid
from domain.ports.attachments import AttachmentFetcher, AttachmentRefused, AttachmentUnavailable

PATIENCE: Final = timedelta(seconds=30)
"""For all attachments of one email together."""


class AttachmentService:
    def __init__(
        self, fetcher: AttachmentFetcher, hosts: AllowedHosts, patience: timedelta = PATIENCE
    ) -> None:
        self._fetcher = fetcher
        self._hosts = hosts
        self._patience = patience

    def check(self, email: EmailOptions | None) -> None:
        """Raises `Invalid` with each thing wrong, its code the first one's:
        `attachment_type_not_allowed`, `attachment_host_not_allowed`, `attachment_too_large`."""
        problems = self._problems(email.attachments if email else ())
        if problems:
            first = problems[0]
            raise Invalid(first.code, first.detail, errors=tuple(problems))

    def _problems(self, sources: Sequence[AttachmentSource]) -> list[FieldError]:
        found = []
        for place, source in enumerate(sources):
            at = f"email.attachments.{place}"
            detail = type_problem(source.filename, source.content_type)
            if detail is not None:
                found.append(FieldError(at, "attachment_type_not_allowed", detail))
            detail = None if source.url is None else self._hosts.url_problem(source.url)
            if detail is not None:
                found.append(FieldError(f"{at}.url", "attachment_host_not_allowed", detail))
        large = size_problem([len(source.content or b"") for source in sources])
        if large is not None:
            place, detail = large
            at = f"email.attachments.{place}.content"
            found.append(FieldError(at, "attachment_too_large", detail))
        return found

    async def resolve(self, email: EmailOptions | None) -> tuple[Attachment, ...]:
        """The files a provider gets, in their order. Raises `AttachmentUnavailable` when trying
        again may help, `AttachmentRefused` when it cannot."""
        sources = email.attachments if email else ()
        left = MAX_TOTAL_BYTES - sum(len(source.content or b"") for source in sources)
        files = []
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                for source in sources:
                    content = source.content
                    if content is None:
                        content = await self._fetch(source, left)
                        left -= len(content)
                    files.append(Attachment.of(source.filename, source.content_type, content))
        except TimeoutError as error:
            detail = "The attachments took too long to fetch."
            raise AttachmentUnavailable("attachment_timeout", detail) from error
        return tuple(files)

    async def _fetch(self, source: AttachmentSource, left: int) -> bytes:
        assert source.url is not None  # noqa: S101
        # The operator's list may have become shorter since the notification was accepted.
        if self._hosts.url_problem(source.url) is not None:
            detail = "Nothing is fetched from this host."
            raise AttachmentRefused("attachment_host_not_allowed", detail)
        limit = min(MAX_BYTES, left)
        return await self._fetcher.fetch(source.url, source.content_type, limit)
