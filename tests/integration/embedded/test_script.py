"""The `herald` file: one environment whoever comes first, then straight to the command."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.embedded.support import REPOSITORY

CLI = """
import json, os, sys
print(json.dumps({"words": sys.argv[1:], "folder": os.getcwd(), "file": __file__}))
sys.exit(7)
"""

FILL = """
import importlib.machinery, importlib.util, sys, time
loader = importlib.machinery.SourceFileLoader("herald", sys.argv[1])
herald = importlib.util.module_from_spec(importlib.util.spec_from_loader("herald", loader))
loader.exec_module(herald)

def fill():
    with open(sys.argv[2], "a") as log:
        log.write("filled\\n")
    (herald.VENV / "lib" / f"python{herald.VERSION}").mkdir(parents=True, exist_ok=True)
    herald.PYTHON.parent.mkdir(exist_ok=True)
    herald.PYTHON.unlink(missing_ok=True)
    herald.PYTHON.symlink_to(sys.executable)
    time.sleep(0.3)

herald.fill_environment = fill
herald.make_environment(herald.pins())
assert herald.is_made(herald.pins())
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository with nothing but a command that tells what it was given."""
    root = tmp_path / "clone"
    (root / "cli").mkdir(parents=True)
    shutil.copy(REPOSITORY / "herald", root)
    (root / "requirements.txt").write_text("")
    (root / "cli" / "__main__.py").write_text(CLI)
    return root


def environment(clone: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return {**inherited, "HERALD_VENV": str(clone / "made"), "PYTHONSAFEPATH": "1"}


def fill(clone: Path) -> "subprocess.Popen[bytes]":
    words = [sys.executable, "-c", FILL, str(clone / "herald"), str(clone / "log")]
    return subprocess.Popen(words, env=environment(clone))


def call(clone: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(clone / "herald"), *words],
        env=environment(clone), cwd="/", capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_starts_at_once_make_one_environment(clone: Path) -> None:
    running = [fill(clone) for _ in range(4)]
    assert [process.wait(30) for process in running] == [0, 0, 0, 0]
    assert (clone / "log").read_text() == "filled\n"


def test_a_made_environment_is_handed_over_to(clone: Path) -> None:
    assert fill(clone).wait(30) == 0
    done = call(clone, "send", "--title", "two words")
    assert done.returncode == 7
    assert done.stderr == ""
    given = json.loads(done.stdout)
    assert given["words"] == ["send", "--title", "two words"]
    assert given["folder"] == "/"
    assert given["file"] == str(clone / "cli" / "__main__.py")


@pytest.mark.parametrize("change", ["pins", "python"])
def test_what_no_longer_fits_is_made_again(clone: Path, change: str) -> None:
    assert fill(clone).wait(30) == 0
    if change == "pins":
        (clone / "requirements.txt").write_text("# newer\n")
    else:
        (clone / "made" / "bin" / "python").unlink()
    assert fill(clone).wait(30) == 0
    assert (clone / "log").read_text() == "filled\nfilled\n"


def test_a_step_that_fails_says_so(clone: Path) -> None:
    """An index nobody answers at: the words name the step and what it needs."""
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_RETRIES": "0", "PIP_NO_CACHE_DIR": "1"}
    without = {name: value for name, value in environment(clone).items() if name[:4] != "PIP_"}
    done = subprocess.run(
        [sys.executable, str(clone / "herald"), "status"],
        env=without | nowhere, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode not in {0, 7}
    assert "failed with 1" in done.stderr
    assert "can this machine reach it?" in done.stderr
    assert not (clone / "made" / ".herald-stamp").exists()
