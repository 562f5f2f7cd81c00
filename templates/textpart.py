"""Derives the text part of an email from its finished HTML; template tags stand as marks.

Layout tables become paragraphs, links keep their address, and what is hidden stays hidden.
"""

import re
from typing import Final

from inscriptis import get_text

from templates.placeholders import marks_to_words

_HEAD: Final = re.compile(r"<head\b.*?</head>", re.S | re.I)
_CONDITIONAL: Final = re.compile(r"<!--\[if[^\]]*\]>(?!<!-->).*?<!\[endif\]-->", re.S | re.I)
_ROWS: Final = re.compile(r"<(/?)(?:table|thead|tbody|tfoot|tr|center)\b[^>]*>", re.I)
_PARAGRAPH: Final = re.compile(r"(<t[dh]\b[^>]*font-size: ?0px;padding[^>]*>)", re.I)
_CELL: Final = re.compile(r"<(/?)(?:td|th)\b[^>]*>", re.I)
_HIDDEN: Final = re.compile(r"<div style=\"display: ?none[^>]*>.*?</div>", re.S | re.I)
_IMAGE: Final = re.compile(r"<img\b[^>]*>", re.I)
_LINK: Final = re.compile(r"<a\b[^>]*?\bhref=\"([^\"]*)\"[^>]*>(.*?)</a>", re.S | re.I)
_BLOCK_TAGS: Final = re.compile(r"^[ \t]*((?:zqv\d+vqz[ \t]*)+)$", re.M)
_BLANKS: Final = re.compile(r"\n[ \t]*(?:\n[ \t]*)+\n")


def derive_text(html: str, blocks: frozenset[int]) -> str:
    """`html` with marks instead of tags → readable text with the same marks.

    `blocks` are the marks of `{% … %}` tags: one alone on its line takes no line of its own.
    """
    page = _CONDITIONAL.sub("", _HEAD.sub("", html))
    page = _HIDDEN.sub("", page)
    page = _LINK.sub(_link, page)
    page = marks_to_words(page)
    page = _PARAGRAPH.sub(r"<br>\1", page)
    page = _ROWS.sub(r"<\1div>", page)
    page = _CELL.sub(lambda found: "</span> " if found.group(1) else "<span>", page)
    page = _IMAGE.sub("", page)
    lines = [line.strip() for line in get_text(page).splitlines()]
    return _tidy("\n".join(lines), blocks)


def _link(found: re.Match[str]) -> str:
    address, words = found.groups()
    plain = re.sub(r"<[^>]*>", "", words).strip()
    if not plain or address == plain or address.startswith(("#", "mailto:", "tel:")):
        return words
    return f"{words} ({address})"


def _tidy(text: str, blocks: frozenset[int]) -> str:
    def alone(found: re.Match[str]) -> str:
        marks = [int(mark) for mark in re.findall(r"zqv(\d+)vqz", found.group(1))]
        return found.group(1).strip() + ("\x00" if all(m in blocks for m in marks) else "")

    text = _BLANKS.sub("\n\n", text)
    return _BLOCK_TAGS.sub(alone, text).replace("\x00\n", "").replace("\x00", "").strip() + "\n"
