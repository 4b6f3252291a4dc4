"""A board's home folder and the runner at work in it, without a connection."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from edgekit.boards.runner_archive import runner_archive
from edgekit_runner import main, probe, wire
from edgekit_runner.failure import Failure

Json = dict[str, Any]  # Any: JSON


class BoardHome:
    """~ of a board."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / wire.HOME_FOLDER
        self.archive = folder / "runner.pyz"
        folder.mkdir(parents=True, exist_ok=True)
        self.archive.write_bytes(runner_archive())

    def call(self, command: str, request: object, *, prefix: tuple[str, ...] = ()) -> list[Json]:
        """The events of one command, run in this process unless below another program."""
        return (
            self.call_apart(command, request, prefix=prefix)
            if prefix
            else self._call(command, request)
        )

    def _call(self, command: str, request: object) -> list[Json]:
        events: list[Json] = []

        def emit(event: str, **fields: object) -> None:
            events.append(json.loads(json.dumps({"event": event, **fields})))

        module = importlib.import_module(f"edgekit_runner.{main.COMMANDS[command]}")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("HOME", str(self.folder))
            try:
                getattr(module, command)(json.loads(json.dumps(request)), emit)
                emit("done")
            except Failure as failure:
                emit("error", code=failure.code, message=failure.message, hint=failure.hint)
            except OSError as error:
                code, text, hint = main.describe(error)
                emit("error", code=code, message=text, hint=hint)
        return events

    def call_apart(
        self, command: str, request: object, *, prefix: tuple[str, ...] = ()
    ) -> list[Json]:
        """The events of one command in a process of its own."""
        done = self.start(command, request, prefix=prefix)
        events = [json.loads(line) for line in done.stdout.splitlines()]
        assert events, done.stderr
        assert (done.returncode == 0) == (events[-1]["event"] == "done")
        return events

    def start(
        self, command: str, request: object, *, prefix: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Runs one command, below another program when there is a prefix."""
        return subprocess.run(
            [*prefix, sys.executable, "-I", "-B", str(self.archive), command],
            input=request if isinstance(request, str) else json.dumps(request),
            capture_output=True,
            text=True,
            env={"HOME": str(self.folder), "PATH": os.environ["PATH"]},
            check=False,
            timeout=120,
        )

    def code(self, command: str, request: object) -> str:
        """The error code of a command that has to fail."""
        last = self.call(command, request)[-1]
        assert last["event"] == "error", last
        return str(last["code"])

    def stage(self, *contents: bytes) -> None:
        """Puts content where the host would have sent it."""
        folder = self.root / wire.STAGING_FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        for content in contents:
            (folder / sha256(content)).write_bytes(content)

    def deploy(self, text: str, *contents: bytes, signature: str = "") -> str:
        """Installs, switches and confirms; gives the release id."""
        self.stage(*contents)
        event = self.call("install", {"manifest": text, "signature": signature})[0]
        assert event["event"] == "installed", event
        names = {"app": json.loads(text)["app"], "release": event["release"]}
        assert self.call("switch", names)[0]["event"] == "switched"
        assert self.call("commit", names)[0]["event"] == "committed"
        return str(event["release"])

    def current(self, app: str = "cats") -> str:
        """The active release, or empty."""
        link = self.root / wire.APPS_FOLDER / app
        return link.readlink().name if link.is_symlink() else ""

    def whole_releases(self, app: str = "cats", *, but: str = "") -> set[str]:
        """Releases with their mark whose every file (but one) has the hash of the manifest."""
        found = set()
        for path in (self.root / wire.RELEASES_FOLDER / app).glob("*"):
            if (path / wire.COMPLETE_MARK).exists() and is_whole(path, but=but):
                found.add(path.name)
        return found


def is_whole(path: Path, *, but: str = "") -> bool:
    """True when a release folder holds what its manifest names, byte for byte."""
    try:
        manifest = json.loads((path / wire.MANIFEST_FILE).read_text())
        return wire.release_id(manifest) == path.name and all(
            sha256((path / entry["path"]).read_bytes()) == entry["sha256"]
            for entry in manifest["files"]
            if entry["path"] != but
        )
    except (OSError, ValueError):
        return False


def sha256(content: bytes) -> str:
    """Hash as hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def manifest(
    files: Mapping[str, bytes], wheels: Mapping[str, bytes] | None = None, **changes: object
) -> Json:
    """A manifest for the machine that the tests run on."""
    return {
        "app": "cats",
        "engine": "echo",
        "engine_version": "1",
        "arch": probe.userland_arch(),
        "python_abi": probe.python_abi(),
        "libc": "glibc-2.36",
        "profile": "",
        "counter": 0,
        "files": [
            {"path": path, "sha256": sha256(data), "size_bytes": len(data)}
            for path, data in files.items()
        ],
        "wheels": [
            {"filename": name, "sha256": sha256(data), "size_bytes": len(data)}
            for name, data in (wheels or {}).items()
        ],
        **changes,
    }


def text_of(files: Mapping[str, bytes], **changes: object) -> str:
    """The text of such a manifest, as it is signed."""
    return wire.canonical(manifest(files, None, **changes))


@cache
def make_keys(folder: Path, *names: str) -> tuple[str, ...]:
    """Key pairs by ssh-keygen; gives the public halves."""
    for name in names:
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"]
        subprocess.run([*argv, str(folder / name)], check=True)
    texts = [(folder / f"{name}.pub").read_text() for name in names]
    return tuple(" ".join(text.split()[:2]) for text in texts)


def sign(key: Path, text: str, *, namespace: str = wire.NAMESPACE) -> str:
    """An armoured signature."""
    argv = ["ssh-keygen", "-Y", "sign", "-q", "-n", namespace, "-f", str(key)]
    return subprocess.run(argv, input=text, capture_output=True, text=True, check=True).stdout
