"""Rollouts for other tools: Ansible's is really run, the others' parts are, their formats checked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgekit.boards.runner_archive import runner_archive
from edgekit.cli.main import run
from peers import ANSIBLE, peer_program
from samples import echo_artifact
from sshd import Sshd, need_sshd


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return make_bundle(tmp_path, "one")


def make_bundle(folder: Path, content: str) -> Path:
    artifact = echo_artifact(folder / content, content=content)
    path = folder / f"{content}.edgekit"
    version = ".".join(map(str, sys.version_info[:2]))
    words = ["--python", version, "--libc", "glibc-2.31", "--unsigned", "--out", str(path)]
    assert run(["bundle", str(artifact), "--profile", "generic-x86-64", *words]) == 0
    return path


def export(bundle: Path, to: str, out: Path, *more: str) -> None:
    assert run(["fleet", "export", str(bundle), "--to", to, "--out", str(out), *more]) == 0


def active(home: Path) -> str:
    link = home / ".edgekit" / "apps" / "echo-model"
    return link.resolve().name if link.is_symlink() else ""


class OnBoard:
    """The runner as a board's own process would start it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir(exist_ok=True)
        self.runner = home / "runner.pyz"
        self.runner.write_bytes(runner_archive())

    def apply(self, bundle: Path, *steps: str) -> tuple[int, dict[str, object]]:
        request = {"bundle": str(bundle), "steps": list(steps)}
        done = subprocess.run(
            [sys.executable, "-I", str(self.runner), "apply"],
            input=json.dumps(request).encode(),
            capture_output=True,
            check=False,
            env={"HOME": str(self.home), "PATH": os.environ["PATH"]},
        )
        events = [json.loads(line) for line in done.stdout.splitlines()]
        return done.returncode, events[-2] if done.returncode == 0 else events[-1]


def test_apply_installs_once_and_goes_on_to_the_next(bundle: Path, tmp_path: Path) -> None:
    board = OnBoard(tmp_path / "home")
    code, event = board.apply(bundle)
    assert code == 0, event
    assert event["changed"] is True
    first = active(board.home)
    assert first == event["release"]
    assert board.apply(bundle) == (0, event | {"changed": False})
    code, event = board.apply(make_bundle(tmp_path, "two"))
    assert (code, event["changed"]) == (0, True)
    assert active(board.home) != first


def test_apply_in_steps(bundle: Path, tmp_path: Path) -> None:
    board = OnBoard(tmp_path / "home")
    assert board.apply(bundle, "install")[0] == 0
    assert active(board.home) == ""
    assert board.apply(bundle, "switch")[0] == 0
    assert active(board.home)
    assert board.apply(bundle, "commit")[0] == 0
    assert board.apply(bundle, "nonsense")[1]["code"] == "bad-request"


@pytest.mark.parametrize("at", [0.2, 0.5, 0.8])
def test_a_damaged_bundle_leaves_what_was_active(at: float, bundle: Path, tmp_path: Path) -> None:
    board = OnBoard(tmp_path / "home")
    board.apply(bundle)
    before = active(board.home)
    damaged = bytearray(make_bundle(tmp_path, "two").read_bytes())
    damaged[int(len(damaged) * at)] ^= 1
    path = tmp_path / "damaged"
    path.write_bytes(damaged)
    code, event = board.apply(path)
    if code == 0:  # the bit lay in a field that nothing reads
        assert active(board.home) == event["release"]
    else:
        assert active(board.home) == before
    path.write_bytes(b"no zip")
    assert board.apply(path)[1]["code"] == "bad-request"
    assert board.apply(tmp_path / "none")[0] == 1


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Sshd]:
    need_sshd()
    with Sshd(tmp_path / "sshd") as running:
        yield running


@pytest.mark.slow
@pytest.mark.e2e
def test_the_playbook_deploys(bundle: Path, server: Sshd, tmp_path: Path) -> None:
    program = peer_program(ANSIBLE, "ansible-playbook")
    entry = server.entry()
    lab = tmp_path / "lab.toml"
    words = ["--host", entry.host, "--port", str(entry.port), "--user", entry.user]
    words += ["--identity-file", entry.identity_file, "--known-hosts", entry.known_hosts]
    words += ["--profile", "generic-x86-64", "--inventory", str(lab)]
    assert run(["boards", "add", "board", *words]) == 0
    folder = tmp_path / "out"
    export(bundle, "ansible", folder, "--fleet", str(lab))
    for is_first in (True, False):
        done = subprocess.run(
            # ~ is the account's home to Ansible, the board's own home is elsewhere here
            [program, "-i", "inventory.ini", "-e", f"inbox={server.home}/inbox", "deploy.yml"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        installing = done.stdout.partition("TASK [Verify")[2]
        assert ("changed: [board]" in installing.partition("PLAY RECAP")[0]) is is_first
    assert active(server.home)


def test_mender_s_states(bundle: Path, tmp_path: Path) -> None:
    folder, home = tmp_path / "out", tmp_path / "home"
    home.mkdir()
    export(bundle, "mender", folder)
    (tmp_path / "work" / "files").mkdir(parents=True)
    for name in ("bundle.edgekit", "runner.pyz"):
        (tmp_path / "work" / "files" / name).write_bytes((folder / name).read_bytes())

    def state(name: str) -> str:
        done = subprocess.run(
            [str(folder / "modules" / "v3" / "edgekit"), name, str(tmp_path / "work")],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": os.environ["PATH"], "EDGEKIT_HOME": str(home)},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    assert state("SupportsRollback") == "Yes"
    assert state("NeedsArtifactReboot") == "No"
    assert state("Download") == ""
    assert active(home) == ""
    state("ArtifactInstall")
    first = active(home)
    assert first
    state("ArtifactCommit")
    second = make_bundle(tmp_path, "two")
    (tmp_path / "work" / "files" / "bundle.edgekit").write_bytes(second.read_bytes())
    state("ArtifactInstall")
    assert active(home) not in ("", first)
    state("ArtifactRollback")
    assert active(home) == first
    assert state("Cleanup") == ""
    assert "mender-artifact write module-image" in (folder / "make-artifact.sh").read_text()


def test_hawkbit_s_requests(bundle: Path, tmp_path: Path) -> None:
    folder, home = tmp_path / "out", tmp_path / "home"
    home.mkdir()
    export(bundle, "hawkbit", folder, "--wave", "10%", "--max-fail", "2%")
    requests = json.loads((folder / "requests.json").read_text())
    assert set(requests["softwaremodules"][0]) == {"name", "version", "type", "vendor"}
    assert requests["rollout"]["errorCondition"]["condition"] == "THRESHOLD"
    assert requests["rollout"]["targetFilterQuery"] == "id==*"
    compile((folder / "upload.py").read_text(), "upload.py", "exec")
    done = subprocess.run(
        [str(folder / "install.sh"), str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(home)},
    )
    assert done.returncode == 0, done.stderr
    assert active(home)


def test_an_unknown_tool(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fleet", "export", str(bundle), "--to", "ansibel", "--out", "x"]) == 3
    assert "ansible" in capsys.readouterr().err
