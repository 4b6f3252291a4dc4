"""Isolation for every test: an own home, no inherited settings, the shared tool environments."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from edgekit.toolenvs.environment import cache_folder

pytest_plugins = ("model_fixtures",)

# how long an example takes says something about the machine, not about the code
settings.register_profile("edgekit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("edgekit")

REAL_CACHE = cache_folder()
INHERITED = ("EDGEKIT_", "XDG_", "SSH_")


@pytest.fixture(scope="module", autouse=True)
def emulated_board_to_itself(request: pytest.FixtureRequest) -> Iterator[None]:
    """There is one emulated arm64 board: files that boot it take turns when tests run in parallel."""
    marks = getattr(request.module, "pytestmark", [])
    if not isinstance(marks, list) or not any(mark.name == "arm64" for mark in marks):
        yield
        return
    REAL_CACHE.mkdir(parents=True, exist_ok=True)
    with (REAL_CACHE / "tests-arm64.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(autouse=True)
def isolated_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """HOME is a new folder, settings of the user do not reach a test; the cache stays shared."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(INHERITED):
                patch.delenv(name)
        patch.setenv("HOME", str(home))
        patch.setenv("EDGEKIT_CACHE_DIR", str(REAL_CACHE))
        # a board of this test process's own: another one may be deploying to the shared one
        board = tmp_path_factory.getbasetemp() / "local-board"
        patch.setenv("EDGEKIT_LOCAL_BOARD", str(board))
        yield home


def need_or_skip(is_present: bool, reason: str) -> None:
    """Skips with the reason on a user's machine; fails where everything must be present (CI)."""
    if is_present:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must have it: {reason}")
    pytest.skip(reason)
