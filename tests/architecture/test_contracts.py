"""The import contracts hold, and each of them fails when it is broken."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "domain", "services", "workflows", "activities", "models", "storage", "providers",
    "templates", "runtime", "workers", "api", "sandbox", "cli",
)  # fmt: skip

BREAKS = [
    ("domain", "import services.notifications.plan", "The house"),
    ("services", "import storage.uow", "The house"),
    ("activities", "import workflows.options", "The house"),
    ("storage", "import services.notifications.plan", "Storage and models know no use case"),
    ("api", "import models.users", "Routers decide nothing"),
    ("services", "import sqlalchemy", "load no I/O library"),
    ("workflows", "import httpx", "load no I/O library"),
    ("api", "import temporalio.client", "know Temporal"),
    ("sandbox", "import domain.enums", "The sandbox is a stranger"),
    ("cli", "import sandbox.store", "Nobody reaches into the sandbox"),
]


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()",
         "--no-cache"],
        cwd=root, capture_output=True, text=True, check=False,
        env={"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin", "NO_COLOR": "1"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages, free to be broken."""
    root = tmp_path_factory.mktemp("house")
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", root / "pyproject.toml")
    return root


def test_the_house_as_it_stands_keeps_every_contract(house: Path) -> None:
    done = lint(house)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("package", "line", "contract"), BREAKS)
def test_a_broken_contract_is_named(house: Path, package: str, line: str, contract: str) -> None:
    intruder = house / package / "intruder.py"
    intruder.write_text(f"{line}  # noqa\n")
    try:
        done = lint(house)
    finally:
        intruder.unlink()
    assert done.returncode != 0
    broken = [text for text in done.stdout.splitlines() if "BROKEN" in text]
    assert any(contract in text for text in broken), done.stdout
