"""`bench`: the published figures, each beside its baseline in the same run."""

import sys
from collections.abc import Sequence
from importlib import import_module

from runtime.embedded.options import REPOSITORY

_BENCHMARKS = ("singles", "bulk", "websocket", "campaign")


def run(words: Sequence[str]) -> None:
    """`bench [singles]` and `bench bulk` need a running `up`; `bench websocket` and
    `bench campaign` bring up what they need themselves.
    What is measured is printed as JSON for docs/benchmarks.md."""
    sys.path.insert(0, str(REPOSITORY))
    name, rest = (words[0], words[1:]) if words and words[0] in _BENCHMARKS else ("singles", words)
    import_module(f"benchmarks.{name}").main(rest)
