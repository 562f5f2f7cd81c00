"""Takes template tags out of HTML or MJML while other tools work on it, and puts them back.

A tag in text or in a quoted attribute value becomes a plain word; an `{% … %}` between elements
becomes a comment, the one thing every parser leaves in place inside a table. Where a tag could
break out of its place (an unquoted value, a style, a script) it is refused.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from templates.errors import TemplateProblem

_STRING: Final = r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'"
_TAG: Final = re.compile(
    rf"\{{#.*?#\}}|\{{\{{(?:{_STRING}|(?!\}}\}}).)*\}}\}}|\{{%(?:{_STRING}|(?!%\}}).)*%\}}"
    r"|zqv\d+vqz",
    re.S,
)
_MARK: Final = re.compile(r"(?:<!--\s*)?zqv(\d+)vqz(?:\s*-->)?")
_ADDRESS: Final = re.compile(r"\b(?:href|src|background-url)\s*=\s*[\"'](?:\s|zqv\d+vqz)*$", re.I)
_OUTPUT: Final = re.compile(r"\{\{([-+]?)(.*?)([-+]?)\}\}", re.S)
_ELEMENT: Final = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9:-]*)")
_PLAIN: Final = frozenset({"title", "textarea", "mj-title", "mj-preview"})
_CLOSED: Final = frozenset({"style", "script", "mj-style"})


class _Place(Enum):
    TEXT = auto()
    ELEMENT = auto()
    DOUBLE = auto()
    SINGLE = auto()
    UNQUOTED = auto()
    COMMENT = auto()
    PLAIN = auto()
    CLOSED = auto()


_REFUSED: Final = {
    _Place.ELEMENT: "a template tag may stand inside an attribute's quotes, not between attributes",
    _Place.UNQUOTED: "put quotes around an attribute value that holds a template tag",
    _Place.CLOSED: "template tags are not available inside styles and scripts",
}


@dataclass(frozen=True, slots=True)
class Hidden:
    """`text` without tags; `tags[i]` is what stood at mark i."""

    text: str
    tags: tuple[str, ...]
    problems: tuple[TemplateProblem, ...]

    def restore(self, text: str) -> str:
        return _MARK.sub(lambda found: self.tags[int(found.group(1))], text)

    def lost(self, text: str) -> str | None:
        """The first tag that has not kept its place in `text`, or None."""
        found = [int(number) for number in _MARK.findall(text)]
        blocks = [i for i in found if self.tags[i].startswith("{%")]
        for index, tag in enumerate(self.tags):
            if index not in found:
                return tag
        if blocks != [i for i, tag in enumerate(self.tags) if tag.startswith("{%")]:
            return next((self.tags[i] for i in blocks), None)
        return None


def hide_tags(source: str, *, part: str) -> Hidden:
    """Every template tag of a (checked) source behind a mark; comments are dropped."""
    scanner = _Scanner()
    out: list[str] = []
    tags: list[str] = []
    problems: list[TemplateProblem] = []
    position = 0
    for found in _TAG.finditer(source):
        out.append(source[position : found.start()])
        scanner.feed(out[-1])
        position = found.end()
        tag = found.group()
        if tag.startswith("{#"):
            continue
        refused = _REFUSED.get(scanner.place_of_tag())
        if refused is not None:
            line = source.count("\n", 0, found.start()) + 1
            problems.append(
                TemplateProblem(path=part, line=line, code="tag_misplaced", message=refused)
            )
        mark = f"zqv{len(tags)}vqz"
        if tag.startswith("{{") and _ADDRESS.search("".join(out[-8:])):
            tag = _as_link(tag)
        block = tag.startswith("{%") and scanner.place is _Place.TEXT
        out.append(f"<!--{mark}-->" if block else mark)
        tags.append(tag)
    out.append(source[position:])
    return Hidden("".join(out), tuple(tags), tuple(problems))


def _as_link(tag: str) -> str:
    """An output that starts an address must not bring a scheme that runs something."""
    found = _OUTPUT.fullmatch(tag)
    if found is None:
        return tag
    left, inner, right = found.groups()
    return f"{{{{{left} ({inner.strip()})|link {right}}}}}"


def marks_to_words(text: str) -> str:
    """Comments that stand for tags as plain words, each `{% … %}` on the line where it stood."""
    return re.sub(r"<!--\s*(zqv\d+vqz)\s*-->", r"\1", text)


class _Scanner:
    """Where in a page we are, after what was fed so far."""

    def __init__(self) -> None:
        self.place = _Place.TEXT
        self._name = ""
        self._after_equals = False

    def place_of_tag(self) -> _Place:
        if self.place is _Place.ELEMENT and self._after_equals:
            return _Place.UNQUOTED
        return self.place

    def feed(self, text: str) -> None:
        position = 0
        while position < len(text):
            position = getattr(self, f"_in_{self.place.name.lower()}")(text, position)

    def _in_text(self, text: str, at: int) -> int:
        start = text.find("<", at)
        if start < 0:
            return len(text)
        if text.startswith("<!--", start):
            self.place = _Place.COMMENT
            return start + 4
        element = _ELEMENT.match(text, start)
        if element is None:
            return start + 1
        self.place = _Place.ELEMENT
        self._name = "" if element.group(1) else element.group(2).lower()
        self._after_equals = False
        return element.end()

    def _in_element(self, text: str, at: int) -> int:
        character = text[at]
        if character == ">":
            void = text[:at].endswith("/")
            if self._name in _CLOSED and not void:
                self.place = _Place.CLOSED
            elif self._name in _PLAIN and not void:
                self.place = _Place.PLAIN
            else:
                self.place = _Place.TEXT
        elif character in "\"'" and self._after_equals:
            self.place = _Place.DOUBLE if character == '"' else _Place.SINGLE
        elif character == "=":
            self._after_equals = True
            return at + 1
        elif self._after_equals and not character.isspace():
            self.place = _Place.UNQUOTED
        if not character.isspace():
            self._after_equals = False
        return at + 1

    def _in_double(self, text: str, at: int) -> int:
        return self._until(text, at, '"', _Place.ELEMENT)

    def _in_single(self, text: str, at: int) -> int:
        return self._until(text, at, "'", _Place.ELEMENT)

    def _in_comment(self, text: str, at: int) -> int:
        return self._until(text, at, "-->", _Place.TEXT)

    def _in_unquoted(self, text: str, at: int) -> int:
        if text[at].isspace() or text[at] == ">":
            self.place = _Place.ELEMENT
            return at
        return at + 1

    def _in_plain(self, text: str, at: int) -> int:
        return self._until_closed(text, at)

    def _in_closed(self, text: str, at: int) -> int:
        return self._until_closed(text, at)

    def _until(self, text: str, at: int, end: str, then: _Place) -> int:
        found = text.find(end, at)
        if found < 0:
            return len(text)
        self.place = then
        return found + len(end)

    def _until_closed(self, text: str, at: int) -> int:
        found = text.lower().find(f"</{self._name}", at)
        if found < 0:
            return len(text)
        self.place = _Place.TEXT
        return found
