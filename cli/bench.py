"""`bench`: the published figures, each beside its baseline in the same run."""

import sys
from collections.abc import Sequence

from runtime.embedded.options import REPOSITORY


def run(words: Sequence[str]) -> None:
    """Needs a running `up`; what it measures it prints as a table for docs/benchmarks.md."""
    sys.path.insert(0, str(REPOSITORY))
    from benchmarks.singles import main

    main(words)
