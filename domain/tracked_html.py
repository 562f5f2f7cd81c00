"""An email's HTML with its links and an open pixel led through Herald, every other byte kept.

The text is read by the rules of the HTML standard's tokenizer (section 13.2.5), because a link may
only be told from something that looks like one (in a comment, a style sheet, another attribute) by
reading everything before it. Nothing is parsed into a tree and written out again: mail programs
depend on markup that no serializer would give back, and the parsers at hand do not say where in
the text an attribute stands. What is malformed stays as it is.
"""

import re
from collections.abc import Callable, Iterator
from html import escape, unescape
from html.entities import html5
from typing import Final, Literal

MAX_URL: Final = 2_000
"""Characters. Longer links are left as they are: not every proxy lets one that long through."""
MAX_URL_BYTES: Final = 3_000
"""The same, in UTF-8."""
NO_TRACK: Final = "data-herald-no-track"
"""On a link: leave it alone."""

_SPACE: Final = r"\t\n\f\r "
_ATTRIBUTE: Final = rf"""
    [{_SPACE}/]*+
    (?P<name> =[^{_SPACE}/>=]*+ | [^{_SPACE}/>=]++ )
    (?: [{_SPACE}]*+ = [{_SPACE}]*+
        (?: "(?P<double>[^"]*+)" | '(?P<single>[^']*+)'
          | (?P<bare>[^{_SPACE}>"'][^{_SPACE}>]*+) | (?=>) )
      | (?! [{_SPACE}]*+ = )
    )
"""
_ATTRIBUTES: Final = rf"(?:{re.sub(r'[?]P<[a-z]+>', '?:', _ATTRIBUTE)})*+ [{_SPACE}/]*+ >"
_RAW: Final = "script|style|title|textarea|xmp|iframe|noembed|noframes"
_UNINTERESTING: Final = re.compile(
    rf"""
    (?:
        [^<]++
      | <(?![a-zA-Z/!?])
      | <!--(?: -?> | .*?--!?> )
      | <(?: !(?!--) | \? | /(?![a-z]) )[^>]*+>
      | <(?! (?: a | area | /?(?:plaintext|{_RAW}) | /body | /html )[{_SPACE}/>] )
        /?[a-z][^{_SPACE}/>]*+ {_ATTRIBUTES}
    )*+
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_TAG: Final = re.compile(rf"<(/?[a-zA-Z]++)(?=[{_SPACE}/>])")
_ONE: Final = re.compile(_ATTRIBUTE, re.VERBOSE)
_ALL: Final = re.compile(_ATTRIBUTES, re.VERBOSE)
_RAW_END: Final = {
    name: re.compile(rf"</{name}(?=[{_SPACE}/>])", re.IGNORECASE) for name in _RAW.split("|")
}
_REFERENCE: Final = re.compile(r"&(?:#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[a-zA-Z][a-zA-Z0-9]*;?)(=?)")
_UNSENDABLE: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_Part = tuple[Literal["link", "/body", "/html", "end"], int, int]


def tracked_html(
    html: str,
    *,
    link: Callable[[str], str | None] | None = None,
    pixel: str | None = None,
) -> str:
    """`html` with each `http(s)` link of an `a` or `area` led to what `link` makes of its URL
    (None: left alone), and the image at `pixel` before the body's end. Raises for no markup.
    """
    edits: list[tuple[int, int, str]] = []
    place: dict[str, int] = {}
    for kind, start, end in _parts(html):
        if kind != "link":
            place[kind] = start
        elif link is not None:
            url = _destination(html[start:end])
            target = None if url is None else link(url)
            if target is not None:
                edits.append((start, end, escape(target)))
    if pixel is not None:
        at = place.get("/body", place.get("/html", place["end"]))
        edits.append((at, at, _image(pixel)))
        edits.sort()
    return _edited(html, edits)


def _edited(html: str, edits: list[tuple[int, int, str]]) -> str:
    pieces, done = [], 0
    for start, end, text in edits:
        pieces += [html[done:start], text]
        done = end
    pieces.append(html[done:])
    return "".join(pieces)


def _parts(html: str) -> Iterator[_Part]:
    """Where links' URLs stand, where the body and the document end, and where markup ends that
    can be understood: the end of the text, or a tag or comment that is never closed."""
    position = 0
    while True:
        skipped = _UNINTERESTING.match(html, position)
        position = skipped.end() if skipped else position
        tag = _TAG.match(html, position)
        if tag is None:
            break
        name = tag[1].lower()
        if name in {"a", "area"}:
            end, span = _link(html, tag.end())
            if end and span is not None:
                yield "link", *span
        else:
            closed = _ALL.match(html, tag.end())
            end = closed.end() if closed else 0
        if end and name in {"/body", "/html"}:
            yield ("/body" if name == "/body" else "/html"), position, position
        elif end and name in _RAW_END:
            closing = _RAW_END[name].search(html, end)
            end = closing.start() if closing else 0
        if not end or name == "plaintext":
            break
        position = end
    yield "end", position, position


def _link(html: str, position: int) -> tuple[int, tuple[int, int] | None]:
    """Where a link's tag ends (0: nowhere), and where the text of its `href` lies."""
    span: tuple[int, int] | None = None
    seen = blocked = False
    while (attribute := _ONE.match(html, position)) is not None:
        position = attribute.end()
        name = attribute["name"].lower()
        blocked |= name == NO_TRACK
        if name == "href" and not seen:
            # Of two attributes with one name the first counts, even without a value.
            seen = True
            held = attribute.lastgroup
            span = attribute.span(held) if held is not None and held != "name" else None
    end = _ALL.match(html, position)
    return (end.end() if end else 0), (None if blocked else span)


def _destination(value: str) -> str | None:
    """The URL an attribute's text stands for, when it is one that can be tracked."""
    url = attribute_text(value).strip("\t\n\f\r ")
    scheme, _, rest = url.partition("://")
    if scheme.lower() not in {"http", "https"} or not rest or _UNSENDABLE.search(url):
        return None
    return url if len(url) <= MAX_URL and len(url.encode()) <= MAX_URL_BYTES else None


def attribute_text(value: str) -> str:
    """An attribute's text with its character references resolved as the standard has it there:
    `&copy=1` in a query is no copyright sign."""
    return _REFERENCE.sub(_resolved, value) if "&" in value else value


def _resolved(found: re.Match[str]) -> str:
    reference, equals = found[0].removesuffix("="), found[1]
    if reference.startswith("&#"):
        return unescape(reference) + equals
    known = reference[1:] in html5 and (reference.endswith(";") or not equals)
    return (unescape(reference) if known else reference) + equals


def _image(url: str) -> str:
    return (
        f'<img src="{escape(url)}" width="1" height="1" alt="" '
        'style="display:block;width:1px;height:1px;border:0">'
    )
