"""Which programs say the same to everybody but for some words filled in.

A field may be a mark where the program writes it as it is, or only asks whether it is there. What
is compared, filtered or looped over must be known when the program runs. The expressions read here
are those `templates.program` writes, in the forms it writes them; any other is not markable.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from templates.program import Program
from templates.syntax import BLOCK_END, BLOCK_START, OUTPUT_END, OUTPUT_START

MARKABLE: Final = ("id", "name", "email", "phone")
"""Of `user`. The others decide things, such as the format of a date, and are real."""
LINKS: Final = ("unsubscribe", "preferences")
_TAG: Final = re.compile(
    f"{OUTPUT_START}(?P<output>[^{OUTPUT_END}]*){OUTPUT_END}"
    f"|{BLOCK_START}(?P<block>[^{BLOCK_END}]*){BLOCK_END}"
)
_FIELD: Final = rf"""(?:user\["(?:{"|".join(MARKABLE)})"\]|links\["(?:{"|".join(LINKS)})"\])"""
_SOFT: Final = re.compile(r"\(\((user|links)\|default\(none\)\)(\[\"[a-z]+\"\])\|default\(none\)\)")
_LINK: Final = rf"""links\["(?:{"|".join(LINKS)})"\]"""
_LINK_FILTER: Final = re.compile(
    rf"""\(\((?P<link>{_LINK}) if (?P=link) is defined else ""\|_missing\("[^"]*"\)\)\|link\(\)\)"""
)
_REAL: Final = re.compile(r"""\(?user(?:\|default\(none\)\))?\["(?:locale|timezone|country)"\]""")
_TEXT: Final = r'"(?:[^"\\]|\\.)*"'
_WRITTEN: Final = re.compile(rf"§|\(§ or {_TEXT}\)|\(§ if § is not none else {_TEXT}\)")
_ASKED: Final = re.compile(r"(?:el)?if (?:§|\(|\)| |\band\b|\bor\b|\bnot\b)+")


@lru_cache(maxsize=10_000)
def is_markable(code: str) -> bool:
    """`code` of a program."""
    return all(_fits(found["output"], found["block"]) for found in _TAG.finditer(code))


def are_markable(programs: Sequence[Program | None]) -> bool:
    return all(program is None or is_markable(program.code) for program in programs)


def _fits(output: str | None, block: str | None) -> bool:
    expression = output if output is not None else block or ""
    plain = _LINK_FILTER.sub("§", expression)
    plain = _SOFT.sub(r"\1\2", plain)
    plain = re.sub(_FIELD, "§", plain)
    if "§" not in plain:
        rest = _REAL.sub("", plain)
        return re.search(r"\b(?:user|links)\b", rest) is None
    return (_WRITTEN if output is not None else _ASKED).fullmatch(plain) is not None
