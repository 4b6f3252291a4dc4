"""The runner as the board sees it: one archive, any Python since 3.8, JSON lines only."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from edgekit.boards.runner_archive import runner_archive
from edgekit.core.board import BoardFacts
from edgekit.core.record import from_plain
from edgekit_runner import wire


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "runner.pyz"
    path.write_bytes(runner_archive())
    return path


# Any: JSON
def call(archive: Path, command: str, request: object, home: Path) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-I", str(archive), command],
        input=json.dumps(request) if not isinstance(request, str) else request,
        capture_output=True,
        text=True,
        env={"HOME": str(home), "PATH": os.defpath},
        check=False,
        timeout=60,
    )
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events, done.stderr
    assert (done.returncode == 0) == (events[-1]["event"] == "done")
    return events


def bundle(content: bytes, *, path: str = "model.bin") -> dict[str, Any]:  # Any: JSON
    digest = hashlib.sha256(content).hexdigest()
    return {
        "app": "cats",
        "engine": "echo",
        "engine_version": "1",
        "arch": "x86_64",
        "python_abi": "cp311",
        "files": [{"path": path, "sha256": digest, "size_bytes": len(content)}],
        "wheels": [],
    }


def stage(home: Path, txn: str, content: bytes) -> None:
    folder = home / wire.HOME_FOLDER / wire.STAGING_FOLDER / txn
    folder.mkdir(parents=True)
    (folder / hashlib.sha256(content).hexdigest()).write_bytes(content)


def test_the_same_bytes_every_time_and_no_dependency() -> None:
    first = runner_archive()
    runner_archive.cache_clear()
    assert runner_archive() == first
    assert len(first) < 100_000
    names = zipfile.ZipFile(BytesIO(first)).namelist()
    assert all(name.startswith("edgekit_runner/") or name == "__main__.py" for name in names)


def test_probe_fills_every_field(archive: Path, tmp_path: Path) -> None:
    events = call(archive, "probe", {"home": str(tmp_path)}, tmp_path)
    facts = from_plain(BoardFacts, events[0]["facts"])
    assert facts.python == sys.version.split()[0]
    assert facts.engines["echo"] == "1"
    assert facts.cpu_count >= 1


@pytest.mark.parametrize(
    ("command", "request_text"),
    [("fly", "{}"), ("probe", "not json"), ("probe", "[]"), ("install", "{}"), ("check", "{}")],
)
def test_a_bad_request_is_one_error_line(
    archive: Path, tmp_path: Path, command: str, request_text: str
) -> None:
    events = call(archive, command, request_text, tmp_path)
    assert [event["event"] for event in events] == ["error"]
    assert events[0]["code"] == wire.ERROR_BAD_REQUEST


def test_install_switch_and_state(archive: Path, tmp_path: Path) -> None:
    content = b"weights"
    stage(tmp_path, "t1", content)
    manifest = bundle(content)
    installed = call(archive, "install", {"txn": "t1", "manifest": manifest}, tmp_path)[0]
    assert installed["release"] == wire.release_id(manifest)
    assert (Path(installed["path"]) / "model.bin").read_bytes() == content
    state = call(archive, "state", {}, tmp_path)[0]
    assert state["apps"] == {}
    switched = call(archive, "switch", {"app": "cats", "release": installed["release"]}, tmp_path)[
        0
    ]
    assert switched["previous"] == ""
    state = call(archive, "state", {}, tmp_path)[0]
    assert state["apps"] == {"cats": installed["release"]}
    assert not (tmp_path / wire.HOME_FOLDER / wire.STAGING_FOLDER).exists()


def test_a_blob_that_arrived_damaged_is_refused(archive: Path, tmp_path: Path) -> None:
    content = b"weights"
    stage(tmp_path, "t1", content)
    for path in (tmp_path / wire.HOME_FOLDER / wire.STAGING_FOLDER / "t1").iterdir():
        path.write_bytes(b"weightz")
    error = call(archive, "install", {"txn": "t1", "manifest": bundle(content)}, tmp_path)[-1]
    assert error["code"] == wire.ERROR_HASH_MISMATCH
    assert not (tmp_path / wire.HOME_FOLDER / "releases").exists()


def test_a_blob_that_was_not_sent(archive: Path, tmp_path: Path) -> None:
    error = call(archive, "install", {"txn": "t1", "manifest": bundle(b"x")}, tmp_path)[-1]
    assert error["code"] == wire.ERROR_MISSING_BLOB


@pytest.mark.parametrize(
    "path", ["../evil", "/etc/evil", "a/../../b", "a//b", "", "a\nb", "a\\b", "x" * 300]
)
def test_paths_that_leave_the_release_are_refused(
    archive: Path, tmp_path: Path, path: str
) -> None:
    stage(tmp_path, "t1", b"x")
    request = {"txn": "t1", "manifest": bundle(b"x", path=path)}
    assert call(archive, "install", request, tmp_path)[-1]["code"] == wire.ERROR_BAD_REQUEST
    assert not (tmp_path / "evil").exists()


def test_switch_takes_complete_releases_only(archive: Path, tmp_path: Path) -> None:
    folder = tmp_path / wire.HOME_FOLDER / "releases" / "cats" / "half"
    folder.mkdir(parents=True)
    error = call(archive, "switch", {"app": "cats", "release": "half"}, tmp_path)[-1]
    assert error["code"] == wire.ERROR_NO_RELEASE


def test_a_wheel_with_a_path_outside_is_refused(archive: Path, tmp_path: Path) -> None:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as wheel:
        wheel.writestr("../../evil.py", "boom")
    data = buffer.getvalue()
    stage(tmp_path, "t1", data)
    (
        tmp_path / wire.HOME_FOLDER / wire.STAGING_FOLDER / "t1" / hashlib.sha256(b"m").hexdigest()
    ).write_bytes(b"m")
    manifest = bundle(b"m")
    digest = hashlib.sha256(data).hexdigest()
    manifest["wheels"] = [{"filename": "e.whl", "sha256": digest, "size_bytes": len(data)}]
    error = call(archive, "install", {"txn": "t1", "manifest": manifest}, tmp_path)[-1]
    assert error["code"] == wire.ERROR_BAD_REQUEST
    assert not list(tmp_path.rglob("evil.py"))


def test_the_source_is_python_3_8() -> None:
    source = Path(wire.__file__).parent
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("vermin")),
            "--no-tips",
            "-t=3.8-",
            "--violations",
            str(source),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_a_failed_installation_leaves_nothing_half_built(archive: Path, tmp_path: Path) -> None:
    stage(tmp_path, "t1", b"weights")
    manifest = bundle(b"weights")
    manifest["wheels"] = [{"filename": "e.whl", "sha256": "0" * 64, "size_bytes": 1}]
    error = call(archive, "install", {"txn": "t1", "manifest": manifest}, tmp_path)[-1]
    assert error["code"] == wire.ERROR_MISSING_BLOB
    home = tmp_path / wire.HOME_FOLDER
    assert not (home / wire.STAGING_FOLDER).exists()
    assert not list(home.rglob("*.part"))
