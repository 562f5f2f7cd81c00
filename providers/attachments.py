"""Fetches attachments over HTTP, and nothing an operator did not allow.

The host's name is resolved here, once; each address is checked, and the connection goes to a
checked address, so that no answer of a name server given in between can lead anywhere else. The
certificate is still the name's. Redirects stay on the same host, the body is cut off at its limit
while it arrives, and no outbound proxy is used, as that would resolve the name again.
"""

import asyncio
import socket
import ssl
from datetime import timedelta
from ipaddress import ip_address
from typing import Final

import httpx

from domain.attachments import Address, AllowedHosts, type_agrees
from domain.ports.attachments import AttachmentRefused, AttachmentUnavailable
from providers.http import httpx_timeout, retry_after, trusted

MAX_REDIRECTS: Final = 3
MAX_ADDRESSES: Final = 4
_BUSY: Final = frozenset({408, 425, 429})


class HttpAttachmentFetcher:
    def __init__(
        self, hosts: AllowedHosts, timeout: timedelta, tls: ssl.SSLContext | None = None
    ) -> None:
        """`timeout` is for each step: resolving, connecting, and each wait for more bytes. `tls`
        None: the usual authorities are trusted."""
        self._hosts = hosts
        self._timeout = timeout
        self._client = httpx.AsyncClient(
            timeout=httpx_timeout(timeout),
            follow_redirects=False,
            trust_env=False,
            verify=trusted() if tls is None else tls,
            headers={"Accept-Encoding": "identity", "User-Agent": "Herald"},
            # A kept connection is known by its address alone, and may be another name's.
            limits=httpx.Limits(max_connections=50, max_keepalive_connections=0),
        )

    async def fetch(self, url: str, content_type: str, limit: int) -> bytes:
        """See `AttachmentFetcher`."""
        try:
            target = httpx.URL(url)
            for _ in range(MAX_REDIRECTS + 1):
                answer = await self._answer(target, content_type, limit)
                if isinstance(answer, bytes):
                    return answer
                target = answer
        except (httpx.InvalidURL, UnicodeError) as error:
            raise AttachmentRefused("attachment_url_invalid", "This is not a URL.") from error
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            detail = f"The attachment could not be fetched: {type(error).__name__}."
            raise AttachmentUnavailable("attachment_unavailable", detail) from error
        raise AttachmentRefused("attachment_redirected", "It was redirected too often.")

    async def _answer(self, url: httpx.URL, content_type: str, limit: int) -> bytes | httpx.URL:
        """The file, or where the server says that it is."""
        if self._hosts.url_problem(str(url)) is not None:
            raise AttachmentRefused("attachment_host_not_allowed", "Nothing is fetched from there.")
        response = await self._connect(url)
        try:
            if response.has_redirect_location:
                return _next(url, response)
            _check(response, content_type)
            return await _read(response, limit)
        finally:
            await response.aclose()

    async def _connect(self, url: httpx.URL) -> httpx.Response:
        """The answer of the first of the host's addresses that takes connections."""
        failed: httpx.HTTPError | None = None
        for address in await self._addresses(url):
            request = self._client.build_request(
                "GET",
                url.copy_with(host=str(address), fragment=None),
                headers={"Host": url.netloc.decode("ascii")},
                extensions={"sni_hostname": url.raw_host.decode("ascii")},
            )
            try:
                return await self._client.send(request, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failed = error
        raise failed or httpx.ConnectError("the host has no address")

    async def _addresses(self, url: httpx.URL) -> tuple[Address, ...]:
        """All of the host's addresses, when every one may be reached."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._timeout.total_seconds()):
            found = await loop.getaddrinfo(
                url.raw_host.decode("ascii"), None, type=socket.SOCK_STREAM
            )
        # A scope (`%eth0`) is only ever that of a link-local address.
        addresses = dict.fromkeys(ip_address(str(e[4][0]).partition("%")[0]) for e in found)
        if not all(self._hosts.reaches(address) for address in addresses):
            detail = "The host lies where nothing is fetched from."
            raise AttachmentRefused("attachment_host_not_allowed", detail)
        return tuple(addresses)[:MAX_ADDRESSES]

    async def aclose(self) -> None:
        await self._client.aclose()


def _next(url: httpx.URL, response: httpx.Response) -> httpx.URL:
    there = url.join(response.headers["location"])
    if (there.scheme, there.host, there.port) != (url.scheme, url.host, url.port):
        raise AttachmentRefused("attachment_redirected", "It was redirected to another host.")
    return there


def _check(response: httpx.Response, content_type: str) -> None:
    """Raises unless the answer can be the file."""
    status = response.status_code
    if status in _BUSY or status >= 500:
        raise AttachmentUnavailable(
            "attachment_unavailable",
            f"The attachment's server answered {status}.",
            retry_after(response.headers),
        )
    if status in {404, 410}:
        raise AttachmentRefused("attachment_not_found", f"The server answered {status}.")
    if status != 200:
        raise AttachmentRefused("attachment_refused", f"The server answered {status}.")
    answered = response.headers.get("content-type", "")
    if not type_agrees(content_type, answered):
        detail = f"It is not {content_type} but {answered.partition(';')[0][:100]}."
        raise AttachmentRefused("attachment_type_mismatch", detail)
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        # It was not asked for, and a small body can unpack to an endless one.
        raise AttachmentRefused("attachment_refused", "The server sent it compressed.")


async def _read(response: httpx.Response, limit: int) -> bytes:
    length = response.headers.get("content-length", "")
    content = bytearray()
    if not length.isdigit() or int(length) <= limit:
        async for chunk in response.aiter_raw():
            content += chunk
            if len(content) > limit:
                break
        else:
            return bytes(content)
    raise AttachmentRefused("attachment_too_large", f"It has more than {limit} bytes.")
