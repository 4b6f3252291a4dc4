"""Bad input at the command line: one message, the next command, the documented exit code."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from edgekit.cli.main import run
from edgekit.core.record import save
from samples import echo_artifact, measurement

EDGEKIT = Path(sys.executable).with_name("edgekit")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.onnx").write_bytes(b"\x08\x0a\x12\x07pytorch" + bytes(20))
    (tmp_path / "empty.onnx").write_bytes(b"")
    (tmp_path / "named.onnx").write_bytes(b"\x1c\x00\x00\x00TFL3" + bytes(40))
    (tmp_path / "m.pkl").write_bytes(b"\x80\x04.")
    save(measurement(), tmp_path / "run.json")
    (tmp_path / "broken.json").write_text("{")
    echo_artifact(tmp_path / "artifact")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "code", "message", "hint"),
    [
        ("convert", 2, "no model was given", "edgekit.toml"),
        ("convert m.onnx", 2, "no device profile", "--profile raspberrypi"),
        ("convert m.onnx --profile raspberypi", 3, "raspberypi", "did you mean raspberrypi"),
        ("convert m.onnx --profile raspberrypi --recipe int9", 3, "int9", "int8-static"),
        ("convert m.onnx --profile raspberrypi --engine litert2", 3, "litert2", "litert"),
        ("convert m.onnx --profile raspberrypi --recipe int8-static", 3, "needs calib", "--calib"),
        ("convert m.onnx --profile raspberrypi --shape 3x3", 3, "not of the form", ""),
        ("convert m.onnx --profile raspberrypi --pipeline imagnet", 3, "imagnet", "imagenet"),
        ("convert m.onnx --profile raspberrypi --shape x=1x0", 3, "not of the form", "INPUT=1x"),
        ("convert m.onnx --profile raspberrypi --out /proc/x", 3, "cannot be written", "--out"),
        ("convert m.onnx --profile raspberrypi --calibration no.npz", 3, "no such", "savez"),
        ("convert nothing.h5 --profile raspberrypi", 4, "no such model", "Keras"),
        ("convert amed.onnx --profile raspberrypi", 4, "no such model", "did you mean named.onnx"),
        ("convert empty.onnx --profile raspberrypi", 4, "is empty", ""),
        ("convert named.onnx --profile raspberrypi", 4, "content is tflite", "rename"),
        ("convert m.pkl --profile raspberrypi", 4, "is a pickle", "torch.export"),
        ("deploy artifact --board kitchn-pi", 3, "kitchn-pi", "boards add"),
        ("deploy m.onnx --board local", 3, "not an artifact", "edgekit convert"),
        ("run artifact --board kitchn-pi", 3, "kitchn-pi", "arm64, local"),
        ("run artifact --board pi@-oProxyCommand=x", 3, "no board is called", ""),
        ("run artifact --board local --seconds nan", 2, "no duration", ""),
        ("run artifact --board local --threads -1", 2, "no list of numbers", ""),
        ("go m.onnx --profile raspberrypi --board kitchn-pi", 3, "kitchn-pi", "boards add"),
        ("go m.onnx --profile raspberrypi --cloud nowhere", 3, "nowhere", "grpc://"),
        ("go m.onnx --profile raspberrypi --runs 0", 2, "not in the range", ""),
        ("go m.onnx --profile raspberrypi --policy strickt", 2, "did you mean strict", "--help"),
        ("compare run.json artifact --cloud htp://x:1", 3, "'htp' is not known", "http"),
        ("compare run.json artifact --cloud grpc://x:1 --network fibre", 3, "fibre", "fiber"),
        (
            "compare run.json artifact --cloud grpc://127.0.0.1:1 --network 4g",
            6,
            ":1: Conn",
            "serve",
        ),
        ("compare gone.json artifact --cloud grpc://x:1", 3, "no such record", "edgekit run"),
        ("compare artifact/card.json artifact --cloud grpc://x:1", 3, "of kind", "records/"),
        ("explain broken.json", 3, "not a JSON record", "records/"),
        ("report broken.json", 3, "not a JSON record", ""),
        ("report run.json --out report.pdf", 3, ".pdf", ".html"),
        ("report artifact artifact", 3, "already one artifact", ""),
        ("profiles show jetson", 3, "jetson", "jetson-nano"),
        ("profiles check gone.toml", 3, "no such file", ""),
        ("net check fibre", 3, "fibre", "fiber"),
        ("boards add x --host h --profile none", 3, "none", ""),
        ("boards remove nobody --yes", 3, "nobody", ""),
        ("boards probe local@", 3, "local@", ""),
        ("load artifact --cloud http://h:80", 3, "needs a rate", "--rate"),
        ("load artifact --cloud http://h:80 --rate x", 3, "expected numbers", "--rate 10"),
        ("converr", 2, "converr", "convert"),
        ("convert --fly", 2, "--fly", ""),
    ],
)
def test_bad_input(
    arguments: str, code: int, message: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments.split()) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert message in printed.err
    assert hint in printed.err
    assert "Traceback" not in printed.err


def test_a_project_that_names_a_missing_model(
    capsys: pytest.CaptureFixture[str], here: Path
) -> None:
    (here / "edgekit.toml").write_text('[model]\npath = "gone.onnx"\n')
    assert run(["convert", "--profile", "raspberrypi"]) == 3
    assert "edgekit.toml: model.path: no such model: gone.onnx" in capsys.readouterr().err


def test_an_unreachable_board(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    board = f"pi@127.0.0.1:{port}"
    assert run(["deploy", "artifact", "--board", board]) == 5
    assert "Connection refused" in capsys.readouterr().err


def test_a_board_whose_key_is_not_recorded(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    from edgekit.boards.virtual.local import LocalBoard

    with LocalBoard("raspberrypi", folder=here / "board") as board:
        address = f"board@127.0.0.1:{board.port}"
        assert run(["deploy", "artifact", "--board", address]) == 5
    printed = capsys.readouterr().err
    assert "is not recorded: ssh-ed25519 SHA256:" in printed
    assert "edgekit boards trust" in printed


def test_errors_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["convert", "m.onnx", "--profile", "raspberypi", "--json"]) == 3
    document = json.loads(capsys.readouterr().out)
    assert document["error"]["exit_code"] == 3
    assert "raspberrypi" in document["error"]["hint"]


def test_a_dry_run_shows_the_route_and_writes_nothing(
    capsys: pytest.CaptureFixture[str], here: Path
) -> None:
    before = sorted(path.name for path in here.iterdir())
    options = ["--profile", "raspberrypi", "--recipe", "float", "--dry-run"]
    assert run(["convert", "m.onnx", *options]) == 0
    assert "first: litert float: onnx-to-tflite" in capsys.readouterr().out
    assert sorted(path.name for path in here.iterdir()) == before


def test_explain_and_report_work_on_saved_records_alone(
    capsys: pytest.CaptureFixture[str], here: Path
) -> None:
    assert run(["explain", "run.json", "--artifact", "artifact"]) == 0
    assert "WHERE THE TIME GOES" in capsys.readouterr().out
    assert run(["report", "run.json", "records/lag-run-00000001.json", "--out", "r.html"]) == 0
    assert (here / "r.html").read_text().startswith("<!doctype html>")


HEAVY = ("tensorflow", "torch", "onnx", "onnxruntime", "openvino", "numpy", "paramiko", "pydantic")
COMMANDS = ("convert", "deploy", "run", "compare", "explain", "report", "go", "boards", "profiles")


@pytest.mark.parametrize("command", ["", *COMMANDS, "engines", "net", "serve", "help"])
def test_no_help_imports_a_heavy_library(command: str) -> None:
    script = (
        "import sys\n"
        f"for name in {HEAVY!r}: sys.modules[name] = None\n"
        "from edgekit.cli.main import run\n"
        f"sys.exit(run([*{command.split()!r}, '--help']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Usage: edgekit" in done.stdout


def test_a_key_is_recorded_after_it_was_compared(
    capsys: pytest.CaptureFixture[str], here: Path, isolated_home: Path
) -> None:
    from edgekit.boards.virtual.local import LocalBoard

    with LocalBoard("raspberrypi", folder=here / "board") as board:
        key = str(here / "board" / "client_key")
        add = ["boards", "add", "mine", "--host", "127.0.0.1", "--port", str(board.port)]
        add += ["--user", "board", "--profile", "generic-x86-64", "--identity-file", key]
        assert run(add) == 0
        assert run(["boards", "trust", "mine", "--fingerprint", "SHA256:wrong"]) == 5
        assert "not SHA256:wrong" in capsys.readouterr().err
        assert run(["boards", "trust", "mine", "--yes"]) == 0
        assert "is recorded in" in capsys.readouterr().out
        assert (isolated_home / ".ssh/known_hosts").exists()
        assert run(["deploy", "artifact", "--board", "mine", "--json"]) == 3
        assert "edgekit keys init" in capsys.readouterr().out
        assert run(["keys", "init"]) == 0
        assert run(["keys", "enrol", "mine"]) == 0
        assert "as a generic-x86-64" in capsys.readouterr().out
        assert run(["deploy", "artifact", "--board", "mine", "--json"]) == 0
        first = json.loads(capsys.readouterr().out)
        assert first["changed"] is True
        assert run(["run", "artifact", "--board", "mine", "--seconds", "0", "--runs", "20"]) == 0
        assert "ON MINE" in capsys.readouterr().out
        assert run(["boards", "remove", "mine", "--yes"]) == 0
