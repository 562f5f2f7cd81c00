"""What may be attached to an email, and from where: names, types, sizes, hosts. Pure.

Only what is known to be harmless to open is let through, by type and by extension; names cannot
break out of a header or pass for another kind of file; and a URL can only lead to hosts an
operator named.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Self
from unicodedata import category
from urllib.parse import urlsplit

MAX_BYTES: Final = 10 * 1024 * 1024
"""Of one attachment, decoded."""
MAX_TOTAL_BYTES: Final = 25 * 1024 * 1024
"""Of all attachments of one email, decoded."""

_OOXML: Final = "application/vnd.openxmlformats-officedocument."
_ODF: Final = "application/vnd.oasis.opendocument."
ALLOWED_TYPES: Final = frozenset(
    {
        "application/pdf", "application/rtf", "text/rtf", "application/msword",
        "application/vnd.ms-excel", "application/vnd.ms-powerpoint",
        f"{_OOXML}wordprocessingml.document", f"{_OOXML}spreadsheetml.sheet",
        f"{_OOXML}presentationml.presentation",
        f"{_ODF}text", f"{_ODF}spreadsheet", f"{_ODF}presentation",
        "text/plain", "text/csv", "text/markdown", "text/calendar", "application/ics",
        "text/vcard", "text/x-vcard",
        "image/png", "image/jpeg", "image/gif", "image/webp", "image/tiff", "image/bmp",
        "image/heic", "image/heif", "image/avif",
    }
)  # fmt: skip
"""Documents, pictures, calendars. Not HTML and SVG: both can run scripts. Not archives."""

REFUSED_EXTENSIONS: Final = frozenset(
    {
        "ade", "adp", "apk", "app", "appref-ms", "appx", "appxbundle", "asp", "bat", "cab", "chm",
        "cmd", "com", "command", "cpl", "desktop", "diagcab", "diagcfg", "diagpkg", "dll", "dmg",
        "docm", "dotm", "exe", "gadget", "hta", "htm", "html", "img", "inf", "ins", "iso", "isp",
        "jar", "jnlp", "js", "jse", "lib", "library-ms", "lnk", "mde", "mht", "mhtml", "mjs",
        "msc", "msh", "msi", "msix", "msixbundle", "msp", "mst", "nsh", "pif", "pkg", "potm",
        "ppam", "ppsm", "pptm", "ps1", "ps1xml", "psc1", "psm1", "py", "rb", "reg", "scf", "scr",
        "sct", "settingcontent-ms", "sh", "shb", "shtml", "sldm", "svg", "sys", "url", "vb", "vbe",
        "vbs", "vhd", "vhdx", "vxd", "wsc", "wsf", "wsh", "xbap", "xhtml", "xlam", "xll", "xlsm",
        "xltm",
    }
)  # fmt: skip
"""Programs, scripts, shortcuts, disk images and documents with macros, whatever type they claim."""

GENERIC_TYPES: Final = frozenset({"", "application/octet-stream", "binary/octet-stream"})
"""What file stores say of anything."""

_Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address


def safe_filename(name: str) -> str:
    """Raises `ValueError` for a name that does not show what it is: characters that turn the
    direction of writing or are invisible, and dots or spaces that programs drop from the end."""
    if any(category(letter) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for letter in name):
        raise ValueError("must not hold invisible characters")
    if name != name.strip() or name.endswith(".") or name.startswith(".."):
        raise ValueError("must not begin or end with a space, nor end with a dot")
    return name


def type_problem(filename: str, content_type: str) -> str | None:
    """Why a file of this name and type is not sent, or None."""
    extension = filename.rpartition(".")[2].lower() if "." in filename else ""
    if extension in REFUSED_EXTENSIONS:
        return f"Files named .{extension} are not sent."
    if content_type.lower() not in ALLOWED_TYPES:
        return f"Files of the type {content_type} are not sent."
    return None


def type_agrees(declared: str, answered: str) -> bool:
    """Whether what a server says it gives can be what the caller said it is. Calendars and tables
    are text, and many servers know no more of them than that."""
    essence, declared = answered.partition(";")[0].strip().lower(), declared.lower()
    if essence == "text/plain":
        return declared.startswith("text/")
    return essence in GENERIC_TYPES or essence == declared


def size_problem(sizes: Sequence[int]) -> tuple[int, str] | None:
    """The first attachment that is too large, by its place, or that makes all of them so."""
    total = 0
    for place, size in enumerate(sizes):
        total += size
        if size > MAX_BYTES:
            return place, f"An attachment may have up to {MAX_BYTES // 1024**2} MiB."
        if total > MAX_TOTAL_BYTES:
            return place, f"All together may have up to {MAX_TOTAL_BYTES // 1024**2} MiB."
    return None


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """Where attachments may be fetched from. Nowhere, unless an operator says so."""

    names: frozenset[str] = frozenset()
    """`files.example.com`, or `*.example.com` for every host below it."""
    networks: tuple[_Network, ...] = ()
    """Addresses that may be private: `127.0.0.1`, `10.1.0.0/16`."""

    @classmethod
    def parse(cls, entries: Iterable[str]) -> Self:
        """Host names, `*.` patterns, addresses and networks. Raises `ValueError` for others."""
        names: set[str] = set()
        networks: list[_Network] = []
        for entry in (one.strip().lower().strip("[]") for one in entries):
            try:
                networks.append(ip_network(entry))
            except ValueError:
                host = entry.removeprefix("*.")
                if not host or not all(c.isalnum() or c in "-." for c in host):
                    raise ValueError(f"not a host, address or network: {entry!r}") from None
                names.add(entry)
        return cls(frozenset(names), tuple(networks))

    def url_problem(self, url: str) -> str | None:
        """Why nothing is fetched from this URL, or None. `https` only, but for loopback."""
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").rstrip("."), parts.port
        except ValueError:
            return "This is not a URL."
        if not host or parts.username is not None or parts.password is not None:
            return "The URL needs a host, and no credentials."
        address = _address(host)
        local = host == "localhost" or (address is not None and address.is_loopback)
        if not self._names(host, address):
            return f"Nothing is fetched from {host}."
        if parts.scheme != "https" and not (parts.scheme == "http" and local):
            return "Only https is fetched."
        if port not in {None, 443} and not local:
            return "Only the usual port is fetched from."
        return None

    def reaches(self, address: Address) -> bool:
        """Whether a host that was let through may lie at this address: a public one, or one named
        itself, so that no name can be made to point into a private network."""
        plain = getattr(address, "ipv4_mapped", None) or address
        if any(plain in network for network in self.networks):
            return True
        if plain.is_loopback and "localhost" in self.names:
            return True
        return plain.is_global and not plain.is_multicast

    def _names(self, host: str, address: Address | None) -> bool:
        if address is not None:
            return any(address in network for network in self.networks)
        if host in self.names:
            return True
        _, _, parent = host.partition(".")
        while parent:
            if f"*.{parent}" in self.names:
                return True
            _, _, parent = parent.partition(".")
        return False


def _address(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
