"""The commands around a deployment, as people type them, over real SSH."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import need_or_skip
from edgekit.boards.virtual.local import LocalBoard
from edgekit.cli.main import run
from samples import echo_artifact

pytestmark = pytest.mark.e2e
Ask = Callable[..., Any]  # Any: JSON


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with an inventory whose board `mine` is reached over SSH and is no stand-in."""
    need_or_skip(shutil.which("ssh-keygen") is not None, "ssh-keygen")
    monkeypatch.chdir(tmp_path)
    with LocalBoard("generic-x86-64", folder=tmp_path / "board") as board:
        entry = board.entry
        (tmp_path / "boards.toml").write_text(
            f'[[boards]]\nname = "mine"\nprofile = "generic-x86-64"\nhost = "{entry.host}"\n'
            f'port = {entry.port}\nuser = "board"\nidentity_file = "{entry.identity_file}"\n'
            f'known_hosts = "{entry.known_hosts}"\n'
        )
        yield tmp_path


@pytest.fixture
def ask(here: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Runs a command with --json and gives its document."""

    def asked(line: str, *, code: int = 0) -> Any:  # Any: JSON
        capsys.readouterr()
        found = run([*line.split(), "--json"])
        shown = capsys.readouterr()
        assert found == code, (line, shown.out, shown.err)
        return json.loads(shown.out)

    return asked


def test_from_a_key_to_a_rollback(here: Path, ask: Ask) -> None:
    for name in "ab":
        echo_artifact(here / name, content=name)
    assert ask("keys show", code=3)["error"]["hint"] == "edgekit keys init"
    made = ask("keys init")
    assert made["fingerprint"].startswith("SHA256:")
    assert Path(made["path"]).stat().st_mode & 0o777 == 0o600
    assert ask("keys init", code=3)["error"]["hint"] == "edgekit keys show"
    assert ask("keys show")["public"] == made["public"]
    assert ask("releases mine") == []
    assert "enrol" in ask("deploy a --board mine", code=5)["error"]["hint"]
    assert ask("keys enrol mine") == {"keys": [made["public"]], "profile": "generic-x86-64"}
    assert ask("keys show mine") == [
        {"public": made["public"], "fingerprint": made["fingerprint"]}
    ]
    plan = ask("deploy a --board mine --dry-run")
    assert [step["action"] for step in plan["steps"]][-1] == "commit"
    assert ask("releases mine") == []
    first = ask("deploy a --board mine")
    assert first["signed_by"] == made["fingerprint"]
    assert ask("rollback mine", code=5)["error"]["hint"] == "edgekit releases mine"
    second = ask("deploy b --board mine")
    listed = {r["release"]: r for r in ask("releases mine")}
    assert listed[second["release"]]["is_current"]
    assert listed[first["release"]]["is_previous"]
    assert all(r["is_signed"] for r in listed.values())
    assert ask("rollback mine --dry-run")["release"] == first["release"]
    assert ask("status mine")[0]["release"]["release"] == second["release"]
    assert ask("rollback mine")["release"] == first["release"]
    status = ask("status mine")[0]
    assert status["release"]["release"] == first["release"]
    assert status["service"] == {"unavailable": "it has no service"}
    assert first["release"] in ask("rollback mine --release 0", code=3)["error"]["hint"]
    assert ask("deploy a --board mine --unsigned", code=0)["changed"] is False


def test_cleaning_up_asks_first(here: Path, ask: Ask) -> None:
    ask("keys init")
    ask("keys enrol mine")
    for name in "abc":
        echo_artifact(here / name, content=name)
        ask(f"deploy {name} --board mine")
    planned = ask("gc mine --dry-run")
    assert planned["freed_bytes"] == 0
    assert any("echo-model" in what for what in planned["removed"])
    assert ask("gc mine", code=2)["error"]["hint"] == "add --yes"
    assert len(ask("releases mine")) == 3
    assert ask("gc mine --yes")["removed"] == planned["removed"]
    assert len(ask("releases mine")) == 2
    assert ask("gc mine --yes")["removed"] == []


def test_a_bundle_travels_without_its_artifact(here: Path, ask: Ask) -> None:
    import sys

    echo_artifact(here / "a", content="a")
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert "keys init" in ask(f"bundle a --python {python}", code=3)["error"]["hint"]
    ask("keys init")
    made = ask(f"bundle a --profile generic-x86-64 --python {python} --app bell")
    assert made["app"] == "bell"
    shutil.rmtree(here / "a")
    assert "enrol" in ask("deploy bell.edgekit --board mine", code=5)["error"]["hint"]
    ask("keys enrol mine")
    done = ask("deploy bell.edgekit --board mine")
    assert done["release"] in made["releases"]
    assert ask("releases mine --app bell")[0]["is_current"]
    assert "did you mean bell" in ask("releases mine --app bel", code=3)["error"]["hint"]
    assert ask("bundle nothing", code=3)


def test_several_applications_have_to_be_told_apart(here: Path, ask: Ask) -> None:
    ask("keys init")
    ask("keys enrol mine")
    for content in "ab":
        echo_artifact(here / content, content=content)
    for app in ("one", "two"):
        for content in "ab":
            ask(f"deploy {content} --board mine --app {app}")
    assert "--app" in ask("rollback mine", code=2)["error"]["hint"]
    assert ask("rollback mine --app two")["app"] == "two"
    assert len(ask("status mine")) == 2


def test_without_systemd_there_are_no_services(here: Path, ask: Ask) -> None:
    if Path("/run/systemd/system").is_dir():
        pytest.skip("this machine runs systemd")
    ask("keys init")
    ask("keys enrol mine")
    echo_artifact(here / "a", content="a")
    refused = ask("deploy a --board mine --service", code=5)["error"]
    assert "does not run systemd" in refused["message"]
    assert ask("releases mine") == []
    ask("deploy a --board mine")
    assert "does not run systemd" in ask("logs mine", code=5)["error"]["message"]


def test_people_see_what_happened(
    here: Path, ask: Ask, capsys: pytest.CaptureFixture[str]
) -> None:
    echo_artifact(here / "a", content="a")
    ask("keys init")
    ask("keys enrol mine")
    assert run(["deploy", "a", "--board", "mine"]) == 0
    shown = capsys.readouterr()
    assert "is active" in shown.out
    assert "signed by SHA256:" in shown.out
    assert "next: edgekit run a --board mine" in shown.err
    for line in ("releases mine", "status mine", "keys show", "keys show mine", "gc mine --yes"):
        assert run(line.split()) == 0
        assert capsys.readouterr().out.strip()
    assert run(["deploy", "a", "--board", "mine"]) == 0
    assert "nothing to do" in capsys.readouterr().out
