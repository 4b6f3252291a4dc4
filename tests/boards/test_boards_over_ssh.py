"""Transport, runner and deployment over a real SSH server of its own."""

from __future__ import annotations

import dataclasses
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgekit.boards.deploy import Deployed, DeployRequest, deploy
from edgekit.boards.probe import probe_board
from edgekit.boards.session import ensure_runner
from edgekit.boards.transports import open_transport
from edgekit.boards.transports.contract import Transport
from edgekit.boards.virtual.local import LocalBoard
from edgekit.core.board import BoardEntry
from edgekit.core.deploy import Action
from edgekit.core.errors import (
    AuthRefused,
    BoardError,
    BoardMismatch,
    BoardTimeout,
    ConfigError,
    HostKeyChanged,
    HostKeyUnknown,
    Unreachable,
    VerificationFailed,
)
from edgekit_runner import wire
from samples import echo_artifact


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalBoard]:
    folder = tmp_path_factory.mktemp("board")
    with LocalBoard("generic-x86-64", folder=folder) as local:
        yield local


@pytest.fixture
def transport(board: LocalBoard) -> Iterator[Transport]:
    with open_transport(board.entry) as opened:
        yield opened


def deploy_here(board: LocalBoard, transport: Transport, folder: Path, app: str) -> Deployed:
    return deploy(DeployRequest(folder, board.entry, app), transport)


def test_commands_files_and_streams(transport: Transport) -> None:
    lines: list[bytes] = []
    command = ["sh", "-c", "cat; echo two; echo oops >&2; exit 3"]
    done = transport.run(command, stdin=b"one\n")
    assert (done.code, done.stdout, done.stderr) == (3, b"one\ntwo\n", b"oops\n")
    done = transport.run(command, stdin=b"one\n", on_line=lines.append)
    assert (done.code, done.stdout, done.stderr) == (3, b"", b"oops\n")
    assert lines == [b"one", b"two"]
    data = bytes(range(256)) * 4096
    path = f"{transport.home}/file with 'quotes' $HOME"
    transport.put(data, path)
    assert transport.get(path) == data


def test_a_command_that_does_not_end_is_given_up(transport: Transport) -> None:
    with pytest.raises(BoardTimeout):
        transport.run(["sleep", "30"], timeout_s=0.5)
    assert transport.run(["echo", "still there"]).stdout == b"still there\n"


def test_a_missing_file_is_a_board_error(transport: Transport) -> None:
    with pytest.raises(BoardError):
        transport.get(f"{transport.home}/nothing")


def changed(board: LocalBoard, **fields: object) -> BoardEntry:
    return dataclasses.replace(board.entry, **fields)  # type: ignore[arg-type]  # tests name fields


def test_an_unknown_host_key_is_refused_with_its_fingerprint(
    board: LocalBoard, tmp_path: Path
) -> None:
    with pytest.raises(HostKeyUnknown) as caught:
        open_transport(changed(board, known_hosts=str(tmp_path / "none")))
    assert "SHA256:" in caught.value.message
    assert "edgekit boards trust" in caught.value.hint


def test_a_changed_host_key_is_refused(board: LocalBoard, tmp_path: Path) -> None:
    client = (board.folder / "client_key.pub").read_text().split()[1]
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{board.port} ssh-ed25519 {client}\n")
    with pytest.raises(HostKeyChanged):
        open_transport(changed(board, known_hosts=str(known)))


def test_a_key_that_is_not_authorized(board: LocalBoard) -> None:
    with pytest.raises(AuthRefused):
        open_transport(changed(board, identity_file=str(board.folder / "host_key")))


def test_nobody_listens(board: LocalBoard) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(Unreachable) as caught:
        open_transport(changed(board, port=port))
    assert "ssh -p" in caught.value.hint


def test_the_runner_is_sent_once_and_probes(transport: Transport) -> None:
    first = ensure_runner(transport)
    again = ensure_runner(transport)
    assert first.runner_path == again.runner_path
    facts = probe_board(again)
    assert facts.python.startswith("3.")


def test_a_damaged_runner_is_replaced(transport: Transport) -> None:
    session = ensure_runner(transport)
    transport.run(["chmod", "600", session.runner_path])
    transport.put(b"not a zip", session.runner_path)
    assert probe_board(ensure_runner(transport)).hostname


def test_deploy_then_nothing_to_do(
    board: LocalBoard, transport: Transport, tmp_path: Path
) -> None:
    folder = echo_artifact(tmp_path / "artifact")
    first = deploy_here(board, transport, folder, "first")
    assert first.deployment
    assert first.deployment.changed
    assert {step.action for step in first.plan.steps} == {
        Action.UPLOAD,
        Action.INSTALL,
        Action.SWITCH,
        Action.HEALTH,
        Action.COMMIT,
    }
    assert first.deployment.signed_by.startswith("SHA256:")
    again = deploy_here(board, transport, folder, "first")
    assert again.deployment
    assert not again.deployment.changed
    assert again.deployment.sent_bytes == 0
    link = board.folder / "home" / wire.HOME_FOLDER / "apps" / "first"
    assert link.resolve().name == first.deployment.release
    assert (link / "model.onnx").read_bytes() == (folder / "model.onnx").read_bytes()


def test_a_dry_run_changes_nothing(
    board: LocalBoard, transport: Transport, tmp_path: Path
) -> None:
    folder = echo_artifact(tmp_path / "artifact", content="dry")
    request = DeployRequest(folder, board.entry, "dry", dry_run=True)
    done = deploy(request, transport)
    assert done.deployment is None
    assert done.plan.steps
    assert not (board.folder / "home" / wire.HOME_FOLDER / "apps" / "dry").exists()


def test_a_new_release_keeps_the_old_one(
    board: LocalBoard, transport: Transport, tmp_path: Path
) -> None:
    old = deploy_here(board, transport, echo_artifact(tmp_path / "a", content="a"), "two")
    new = deploy_here(board, transport, echo_artifact(tmp_path / "b", content="b"), "two")
    assert old.deployment
    assert new.deployment
    assert new.deployment.previous == old.deployment.release
    releases = board.folder / "home" / wire.HOME_FOLDER / "releases" / "two"
    assert sorted(path.name for path in releases.iterdir()) == sorted(
        [old.deployment.release, new.deployment.release]
    )


def test_an_artifact_that_was_tampered_with_is_not_sent(
    board: LocalBoard, transport: Transport, tmp_path: Path
) -> None:
    folder = echo_artifact(tmp_path / "artifact", content="tampered")
    (folder / "model.onnx").write_text("[]")
    with pytest.raises(VerificationFailed, match="has changed"):
        deploy_here(board, transport, folder, "tampered")


def test_a_folder_that_is_no_artifact(
    board: LocalBoard, transport: Transport, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="not an artifact"):
        deploy_here(board, transport, tmp_path, "x")


def test_a_board_of_another_kind_is_refused(
    board: LocalBoard, transport: Transport, tmp_path: Path
) -> None:
    entry = dataclasses.replace(board.entry, stand_in=False, profile="raspberrypi-4b")
    folder = echo_artifact(tmp_path / "artifact")
    with pytest.raises(BoardMismatch, match="userland"):
        deploy(DeployRequest(folder, entry, "x"), transport)


def test_the_server_ends_with_its_owner(tmp_path: Path) -> None:
    with LocalBoard("generic-x86-64", folder=tmp_path / "b") as local:
        entry = local.entry
    with pytest.raises(Unreachable):
        open_transport(entry)


@pytest.mark.parametrize("greeting", [b"", b"\x00\xff garbage\r\n" * 50])
def test_a_server_that_speaks_no_ssh_is_one_message(
    board: LocalBoard, greeting: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    def answer(server: socket.socket) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.sendall(greeting)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer, args=(server,))
        thread.start()
        with pytest.raises(Unreachable, match="SSH"):
            open_transport(changed(board, port=server.getsockname()[1]))
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert capfd.readouterr().err == ""
