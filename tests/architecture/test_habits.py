"""Habits no import contract can hold: who reads the environment, who builds adapters, what is
committed."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("domain", "services", "workflows", "activities", "models", "storage", "providers",
            "templates", "runtime", "workers", "api", "cli")  # fmt: skip
MAY_READ_ENVIRONMENT = {"runtime/settings.py"}
MAY_HAND_ON_ENVIRONMENT = ("cli/", "runtime/embedded/")
"""The command line and the supervisor pass an environment to children; they decide nothing by it
but what `EmbeddedOptions.from_environment` names."""
ADAPTERS = {"ResendEmailProvider", "TwilioSmsProvider", "FirebasePushProvider", "InboxProvider",
            "SqlUnitOfWork", "TemporalGateway", "TemporalCampaigns", "TemporalABTests", "InboxBus",
            "ValkeyQuotas", "ValkeyBreakers", "HttpAttachmentFetcher"}  # fmt: skip
MAY_BUILD_ADAPTERS = {"runtime/adapters.py", "runtime/vendors.py"}


def sources() -> Iterator[tuple[str, ast.Module]]:
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def test_only_settings_read_the_environment() -> None:
    readers = {
        name
        for name, tree in sources()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
            and isinstance(node.value, ast.Name) and node.value.id == "os")
    }  # fmt: skip
    strangers = {
        name
        for name in readers - MAY_READ_ENVIRONMENT
        if not name.startswith(MAY_HAND_ON_ENVIRONMENT)
    }
    assert strangers == set()


def test_only_two_modules_build_adapters() -> None:
    builders = {
        name
        for name, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ADAPTERS
    }
    assert builders <= MAY_BUILD_ADAPTERS
    assert builders, "they build the adapters by name"


def test_workflows_have_no_clock_of_their_own() -> None:
    forbidden = {"now", "utcnow", "today", "time", "uuid4", "random"}
    calls = [
        f"{name}:{node.lineno} {ast.unparse(node.func)}"
        for name, tree in sources()
        if name.startswith("workflows/")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in forbidden
        and not ast.unparse(node.func).startswith("workflow.")
    ]
    assert calls == []


def test_every_module_says_what_it_guarantees() -> None:
    silent = [
        name
        for name, tree in sources()
        if tree.body and "migrations/versions" not in name and ast.get_docstring(tree) is None
    ]
    assert silent == []


def tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return listed.stdout.split()


def test_nothing_is_committed_that_names_a_machine() -> None:
    assert not {"uv.lock", "pylock.toml"} & {Path(name).name for name in tracked()}
    pattern = re.compile(r"(?:https?://[^\s\"']*(?:pypi|pythonhosted)\.|/ro{2}t/|/wo[r]k/)")
    named = [
        name
        for name in tracked()
        if Path(name).suffix in {".py", ".md", ".toml", ".txt", ".yml", ".yaml", ".sh", ".json"}
        and pattern.search((ROOT / name).read_text(errors="ignore"))
    ]
    assert named == []


def test_every_requirement_is_pinned_by_hash() -> None:
    text = (ROOT / "requirements.txt").read_text()
    pins = re.findall(r"^[a-z0-9][^\s=]*==\S+.*?(?=^\S|\Z)", text, re.M | re.S)
    assert len(pins) > 50
    assert all("--hash=sha256:" in pin for pin in pins)


def test_the_settings_example_is_current() -> None:
    from runtime.settings import example

    assert (ROOT / ".env.example").read_text() == example()
