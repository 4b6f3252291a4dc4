"""Makes tool environments and finds their interpreters."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import metadata
from pathlib import Path

from edgekit.core.errors import ToolEnvironmentError
from edgekit.core.units import format_bytes
from edgekit.toolenvs.pins import ToolEnvironment, find_environment

COMPLETE_MARK = ".complete"
INSTALL_TIMEOUT_S = 1800
REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(?:==(?P<pin>[\w.]+))?")
PIP_REQUIREMENT = "pip>=26,<27"
"""pip 23 fails to resolve what pip 26 resolves."""

Progress = Callable[[str], None]


def cache_folder() -> Path:
    """Where edgekit keeps what it can make again: $EDGEKIT_CACHE_DIR or the user's cache."""
    explicit = os.environ.get("EDGEKIT_CACHE_DIR")
    if explicit:
        return Path(explicit).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser().absolute() / "edgekit"


def environment_folder(environment: ToolEnvironment) -> Path:
    """Where the environment lies, whether or not it was made yet."""
    major, minor = min(sys.version_info[:2], environment.newest_python)
    tag = f"py{major}{minor}"
    return cache_folder() / "envs" / f"{environment.name}-{tag}-{environment.fingerprint}"


def interpreter(environment: ToolEnvironment) -> str:
    """A Python that the environment's wheels exist for: this one, or an older one on the PATH.

    Raises:
        ToolEnvironmentError: there is none.
    """
    if sys.version_info[:2] <= environment.newest_python:
        return sys.executable
    wanted = "python" + ".".join(map(str, environment.newest_python))
    found = shutil.which(wanted)
    if not found:
        raise ToolEnvironmentError(
            f"the tool environment {environment.name} has no wheels for Python "
            f"{sys.version_info[0]}.{sys.version_info[1]}, and there is no {wanted}",
            hint=f"install {wanted}, or run edgekit with it",
        )
    return found


def is_ready(name: str) -> bool:
    """True when the environment was made completely, or edgekit's own has all of it."""
    environment = find_environment(name)
    return is_here(environment) or (environment_folder(environment) / COMPLETE_MARK).exists()


@cache
def is_here(environment: ToolEnvironment) -> bool:
    """True where edgekit itself was installed with this environment's extra: none has to be made.

    Every exact pin has to be met; what is pinned by a range has to be there.
    """
    for requirement in environment.requirements:
        found = REQUIREMENT.match(requirement)
        assert found, requirement
        try:
            version = metadata.version(found["name"])
        except metadata.PackageNotFoundError:
            return False
        if found["pin"] and version.partition("+")[0] != found["pin"]:
            return False
    return True


def ensure(name: str | ToolEnvironment, *, progress: Progress = lambda message: None) -> Path:
    """The environment's interpreter; makes the environment when it is not there yet.

    Two processes that ask at the same time make it once.

    Args:
        name: of one of edgekit's own, or an environment that a bench or a plug-in describes.
        progress: hears that it is being made.

    Raises:
        ToolEnvironmentError: the name is unknown, there is no space, or pip failed.
    """
    environment = name if isinstance(name, ToolEnvironment) else find_environment(name)
    if is_here(environment):
        return Path(sys.executable)
    folder = environment_folder(environment)
    python = folder / "bin" / "python"
    if (folder / COMPLETE_MARK).exists():
        return python
    with locked(folder):
        if not (folder / COMPLETE_MARK).exists():
            _make(environment, folder, progress)
    return python


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """No other process or thread makes the folder at the same time."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_suffix(".lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(environment: ToolEnvironment, folder: Path, progress: Progress) -> None:
    _require_space(environment, folder)
    size = format_bytes(environment.size_mb * 1e6)
    progress(
        f"making the tool environment {environment.name} ({environment.purpose}; {size}, once)"
    )
    shutil.rmtree(folder, ignore_errors=True)
    log = folder.with_suffix(".log")
    try:
        _run([interpreter(environment), "-m", "venv", str(folder)], environment, log)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        _run([*pip, PIP_REQUIREMENT], environment, log)
        _run([*pip, *environment.requirements], environment, log)
        if environment.unbound:
            loose = ["--no-deps", "--ignore-requires-python", *environment.unbound]
            _run([*pip, *loose], environment, log)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    (folder / COMPLETE_MARK).write_text("\n".join(environment.requirements) + "\n")


def _require_space(environment: ToolEnvironment, folder: Path) -> None:
    free_bytes = shutil.disk_usage(folder.parent).free
    needed_bytes = environment.size_mb * 1_000_000
    if free_bytes < needed_bytes:
        raise ToolEnvironmentError(
            f"the tool environment {environment.name} needs {format_bytes(needed_bytes)}, "
            f"{folder.parent} has {format_bytes(free_bytes)} free",
            hint="free some space, or set EDGEKIT_CACHE_DIR to a larger disk",
        )


def _run(command: list[str], environment: ToolEnvironment, log: Path) -> None:
    with open(log, "ab") as stream:
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                timeout=INSTALL_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as err:
            raise ToolEnvironmentError(
                f"making the tool environment {environment.name} took over {INSTALL_TIMEOUT_S} s",
                hint=f"see {log}, then run the same command again",
            ) from err
    if done.returncode != 0:
        raise ToolEnvironmentError(
            f"making the tool environment {environment.name} failed: {_last_line(log)}",
            hint=f"see {log}; is the package index reachable?",
        )


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    errors = [line for line in lines if line.startswith("ERROR")]
    return (errors or lines or ["no output"])[-1]
