"""Deployment over real SSH: signed, gated, resumed, rolled back, from a bundle file."""

from __future__ import annotations

import dataclasses
import hashlib
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import need_or_skip
from edgekit.boards.artifact_folder import load_card
from edgekit.boards.board_lease import BoardLease
from edgekit.boards.bundle_file import choose_release, read_bundle_file, write_bundle_file
from edgekit.boards.bundle_making import BundleRequest, make_releases
from edgekit.boards.deploy import Deployed, DeployRequest, deploy
from edgekit.boards.holder import address_of
from edgekit.boards.releases import collect_garbage, enrol_keys, list_releases, roll_back
from edgekit.boards.session import RunnerSession, ensure_runner, runner_session
from edgekit.boards.signing import find_key, make_key, virtual_key
from edgekit.boards.target import Target
from edgekit.boards.transports import open_transport
from edgekit.boards.transports.contract import Completed, OnLine, Transport
from edgekit.boards.virtual.local import LocalBoard
from edgekit.core.artifact import FileEntry
from edgekit.core.deploy import Action
from edgekit.core.errors import (
    BoardError,
    BoardMismatch,
    BoardTimeout,
    ConfigError,
    GateFailed,
    RecordError,
    VerificationFailed,
)
from edgekit.core.network import NetworkProfile
from edgekit.core.record import save
from edgekit.networks.catalog import load_network
from edgekit.networks.link import LinkFaults, ShapingLink
from edgekit_runner import wire
from samples import echo_artifact

pytestmark = pytest.mark.e2e


@pytest.fixture
def board(tmp_path: Path) -> Iterator[LocalBoard]:
    need_or_skip(shutil.which("ssh-keygen") is not None, "ssh-keygen")
    with LocalBoard("generic-x86-64", folder=tmp_path / "board") as local:
        yield local


@pytest.fixture
def transport(board: LocalBoard) -> Iterator[Transport]:
    with open_transport(board.entry) as opened:
        yield opened


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    return echo_artifact(tmp_path / "artifact")


def put(board: LocalBoard, transport: Transport, folder: Path, **options: object) -> Deployed:
    request = DeployRequest(folder, board.entry, **options)  # type: ignore[arg-type]  # tests name fields
    return deploy(request, transport)


def active(board: LocalBoard, app: str = "echo-model") -> str:
    link = board.folder / "home" / wire.HOME_FOLDER / wire.APPS_FOLDER / app
    return link.resolve().name if link.is_symlink() else ""


class Counting:
    """A transport that counts its round trips."""

    def __init__(self, inner: Transport) -> None:
        self.inner = inner
        self.home = inner.home
        self.calls = 0

    def run(
        self,
        argv: object,
        *,
        stdin: bytes = b"",
        timeout_s: float = 60,
        on_line: OnLine | None = None,
    ) -> Completed:
        self.calls += 1
        return self.inner.run(argv, stdin=stdin, timeout_s=timeout_s, on_line=on_line)  # type: ignore[arg-type]

    def __getattr__(self, name: str) -> object:
        self.calls += 1
        return getattr(self.inner, name)


def test_redeploying_is_one_round_trip(
    board: LocalBoard, transport: Transport, artifact: Path
) -> None:
    put(board, transport, artifact)
    counting = Counting(transport)
    again = put(board, counting, artifact)  # type: ignore[arg-type]  # the rest is passed on
    assert again.deployment
    assert not again.deployment.changed
    assert counting.calls == 1


def test_a_real_board_needs_a_key_and_enrolment(
    board: LocalBoard, transport: Transport, artifact: Path
) -> None:
    real = dataclasses.replace(board.entry, stand_in=False)
    with pytest.raises(ConfigError, match="no key yet") as caught:
        deploy(DeployRequest(artifact, real), transport)
    assert "edgekit keys init" in caught.value.hint
    key = make_key()
    with pytest.raises(BoardMismatch, match="does not know yet whose signatures"):
        deploy(DeployRequest(artifact, real), transport)
    session = ensure_runner(transport)
    enrol_keys(session, [key.public], profile="generic-x86-64", replace=False)
    done = deploy(DeployRequest(artifact, real), transport).deployment
    assert done
    assert done.signed_by == key.fingerprint
    other = make_key(board.folder / "other")
    changed = echo_artifact(artifact.parent / "b", content="b")
    with pytest.raises(BoardMismatch, match="other keys only"):
        deploy(DeployRequest(changed, real, key=other.path), transport)
    with pytest.raises(BoardMismatch, match="signed releases only"):
        deploy(DeployRequest(changed, real, is_unsigned=True), transport)
    assert find_key() == key


def test_an_unsigned_deployment_is_said_aloud(
    board: LocalBoard, transport: Transport, artifact: Path
) -> None:
    notes: list[str] = []
    real = dataclasses.replace(board.entry, stand_in=False)
    request = DeployRequest(artifact, real, is_unsigned=True)
    done = deploy(request, transport, progress=notes.append).deployment
    assert done
    assert done.signed_by == ""
    assert any("unsigned" in note for note in notes)


def test_the_latency_gate_keeps_the_old_release(
    board: LocalBoard, transport: Transport, artifact: Path, tmp_path: Path
) -> None:
    first = put(board, transport, artifact, max_p95_ms=10_000.0)
    assert first.deployment
    assert first.deployment.p95_ms is not None
    new = echo_artifact(tmp_path / "new", content="new")
    with pytest.raises(GateFailed, match="budget"):
        put(board, transport, new, max_p95_ms=1e-6)
    assert active(board) == first.deployment.release
    with pytest.raises(GateFailed):  # the active release can be held against a budget, too
        put(board, transport, artifact, max_p95_ms=1e-6)


def test_a_cut_transfer_goes_on_where_it_ended(
    board: LocalBoard, transport: Transport, artifact: Path, tmp_path: Path
) -> None:
    big = bytes(range(251)) * 80_000
    (artifact / "extra.bin").write_bytes(big)
    card = load_card(artifact)
    entry = dataclasses.replace(
        card.files[0],
        path="extra.bin",
        sha256=hashlib.sha256(big).hexdigest(),
        size_bytes=len(big),
    )
    save(dataclasses.replace(card, files=(*card.files, entry)), artifact / "card.json")
    faults = LinkFaults(cut_after_bytes=15_000_000)
    with ShapingLink(load_network("loopback"), "127.0.0.1", board.port, faults=faults) as link:
        host_key = " ".join((board.folder / "host_key.pub").read_text().split()[:2])
        known_hosts = tmp_path / "known_hosts"
        known_hosts.write_text(f"[127.0.0.1]:{link.port} {host_key}\n")
        far = dataclasses.replace(board.entry, port=link.port, known_hosts=str(known_hosts))
        with open_transport(far) as cut, pytest.raises(BoardError):
            deploy(DeployRequest(artifact, far), cut)
    # the lease of the cut deployment has not run out: its deployer takes it over
    assert (board.folder / "home" / wire.HOME_FOLDER / wire.LEASE_FILE).exists()
    staged = board.folder / "home" / wire.HOME_FOLDER / wire.STAGING_FOLDER / entry.sha256
    assert 0 < staged.stat().st_size < len(big)
    arrived = staged.stat().st_size
    damaged = bytearray(staged.read_bytes())
    damaged[-1] ^= 1  # the blocks before it are kept
    staged.write_bytes(damaged)
    done = put(board, transport, artifact).deployment
    assert done
    assert done.changed
    assert arrived > wire.PREFIX_BLOCK_BYTES
    kept = (arrived - 1) // wire.PREFIX_BLOCK_BYTES * wire.PREFIX_BLOCK_BYTES
    assert done.sent_bytes == len(big) - kept


def test_a_release_that_gives_no_answer_is_taken_back(
    board: LocalBoard,
    transport: Transport,
    artifact: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = put(board, transport, artifact).deployment
    assert first
    real_call = RunnerSession.call

    def spoil(self: RunnerSession, command: str, request: object, **options: object) -> object:
        events = real_call(self, command, request, **options)  # type: ignore[arg-type]
        if command == "switch":
            (board.folder / "home" / wire.HOME_FOLDER / "apps/echo-model/model.onnx").unlink()
        return events

    new = echo_artifact(tmp_path / "new", content="new")
    with monkeypatch.context() as patch:
        patch.setattr(RunnerSession, "call", spoil)
        with pytest.raises((BoardError, VerificationFailed, Exception)) as caught:
            put(board, transport, new)
    assert "model.onnx" in str(caught.value)
    assert active(board) == first.release


def test_another_deployer_is_told_who_is_at_work(
    board: LocalBoard, transport: Transport, artifact: Path
) -> None:
    ensure_runner(transport)
    # also when it is the same person on the same machine, in another window
    address = address_of(board.entry, transport.home)
    with BoardLease(runner_session(transport), address=address) as lease:
        lease.begin([])
        with pytest.raises(BoardError, match="is deploying to this board since"):
            put(board, transport, artifact)
    done = put(board, transport, artifact).deployment
    assert done
    assert done.changed


def test_a_lease_that_cannot_be_given_back_fails_no_deployment(
    board: LocalBoard, transport: Transport, artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow board may not answer in time after everything was done and confirmed."""
    real_call = RunnerSession.call

    def silent(self: RunnerSession, command: str, request: object, **options: object) -> object:
        if command == "end":
            raise BoardTimeout("python3 did not end within 10 s")
        return real_call(self, command, request, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(RunnerSession, "call", silent)
        done = put(board, transport, artifact).deployment
    assert done
    assert active(board) == done.release


def test_a_deployer_that_waits_gets_its_turn(
    board: LocalBoard, transport: Transport, artifact: Path, tmp_path: Path
) -> None:
    ensure_runner(transport)
    notes: list[str] = []
    pauses: list[float] = []
    with BoardLease(runner_session(transport)) as lease:
        lease.begin([])

        def until_it_ends(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 2:
                lease.session.call("end", lease.request())

        request = DeployRequest(artifact, board.entry, wait_s=300)
        done = deploy(request, transport, progress=notes.append, pause=until_it_ends).deployment
        assert done
        assert done.changed
        waits = [note for note in notes if "waiting for up to 300 s" in note]
        assert len(waits) == 1
        assert "is deploying to this board since" in waits[0]
        assert len(pauses) == 2
        # its time being up, it says who is at work
        lease.session.call("begin", lease.request(sha256=[]))
        new = echo_artifact(tmp_path / "new", content="new")
        with pytest.raises(BoardError, match="is deploying to this board since"):
            deploy(DeployRequest(new, board.entry, wait_s=1e-9), transport, pause=pauses.append)
        assert len(pauses) == 2


def test_bundle_file_round_trip(
    board: LocalBoard, transport: Transport, artifact: Path, tmp_path: Path
) -> None:
    key = virtual_key()
    made = make_releases(BundleRequest(artifact, python=python_here(), key=key.path))
    path = tmp_path / "echo.edgekit"
    write_bundle_file(made, path)
    first = path.read_bytes()
    write_bundle_file(made, path)
    assert path.read_bytes() == first
    enrol_keys(ensure_runner(transport), [key.public], profile=None, replace=False)
    done = put(board, transport, path)
    assert done.deployment
    assert done.deployment.signed_by == key.fingerprint
    assert Action.UPLOAD in {step.action for step in done.plan.steps}
    again = put(board, transport, path).deployment
    assert again
    assert not again.changed
    with pytest.raises(ConfigError, match="was made for the application"):
        put(board, transport, path, app="other")


def python_here() -> str:
    import sys

    base = Path(getattr(sys, "_base_executable", sys.executable))
    assert base.exists()
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def test_a_bundle_file_for_another_system_is_refused(artifact: Path, tmp_path: Path) -> None:
    made = make_releases(BundleRequest(artifact, python="3.9", is_unsigned=True))
    with pytest.raises(BoardMismatch, match="cp39.*nothing was sent"):
        choose_release(made, Target("x86_64", "glibc-2.36", "3.11"), tmp_path)


@pytest.mark.parametrize("region", [0.1, 0.5, 0.9, 0.99])
def test_a_damaged_bundle_file_is_refused(
    board: LocalBoard, transport: Transport, artifact: Path, tmp_path: Path, region: float
) -> None:
    (artifact / "model.onnx").write_bytes((artifact / "model.onnx").read_bytes())
    key = virtual_key()
    made = make_releases(BundleRequest(artifact, python=python_here(), key=key.path))
    path = tmp_path / "echo.edgekit"
    write_bundle_file(made, path)
    data = bytearray(path.read_bytes())
    data[int(len(data) * region)] ^= 0x55
    path.write_bytes(data)
    with pytest.raises((RecordError, VerificationFailed, BoardError, ConfigError)):
        put(board, transport, path)
    assert active(board) == ""


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06" + b"\0" * 18, b"x" * 100])
def test_what_is_no_bundle_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.edgekit"
    path.write_bytes(content)
    with pytest.raises(RecordError):
        read_bundle_file(path)


def test_list_go_back_and_clean_up(
    board: LocalBoard, transport: Transport, tmp_path: Path
) -> None:
    ids = []
    for content in "abc":
        done = put(board, transport, echo_artifact(tmp_path / content, content=content))
        assert done.deployment
        ids.append(done.deployment.release)
    session = runner_session(transport)
    listed = {release.release: release for release in list_releases(session)}
    assert set(listed) == set(ids)
    assert listed[ids[2]].is_current
    assert listed[ids[1]].is_previous
    assert [listed[i].counter for i in ids] == sorted(listed[i].counter for i in ids)
    assert len(collect_garbage(session, dry_run=False).removed) >= 1
    assert {release.release for release in list_releases(session)} == set(ids[1:])
    assert roll_back(session, "echo-model").release == ids[1]
    assert active(board) == ids[1]
    with pytest.raises(ConfigError, match="no application"):
        list_releases(session, "other")
    again = put(board, transport, tmp_path / "c").deployment  # on purpose, so signed anew
    assert again
    assert again.changed


def modelled(folder: Path, seed: int, *, jitter: int = 0) -> Path:
    """An artifact with a file of weights that differ a little by ``jitter``."""
    chance, moves = random.Random(seed), random.Random(jitter)
    data = bytes(int(chance.gauss(0, 20)) & 0xFF for _ in range(200_000))
    if jitter:
        data = bytes((value + moves.choice((-1, 0, 0, 1))) & 0xFF for value in data)
    echo_artifact(folder)
    (folder / "weights.bin").write_bytes(data)
    card = load_card(folder)
    entry = FileEntry("weights.bin", hashlib.sha256(data).hexdigest(), len(data))
    files = (*(f for f in card.files if f.path != entry.path), entry)
    save(dataclasses.replace(card, files=files), folder / "card.json")
    return folder


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EDGEKIT_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_new_version_goes_as_a_difference(
    board: LocalBoard, transport: Transport, tmp_path: Path, own_cache: Path
) -> None:
    first = put(board, transport, modelled(tmp_path / "v1", 1)).deployment
    second = put(board, transport, modelled(tmp_path / "v2", 1, jitter=2)).deployment
    assert first
    assert second
    assert second.sent_bytes < 0.4 * 200_000
    path = Path(second.release_path)
    assert (path / "weights.bin").read_bytes() == (tmp_path / "v2" / "weights.bin").read_bytes()


def test_a_difference_that_does_not_fit_falls_back_to_the_file(
    board: LocalBoard, transport: Transport, tmp_path: Path, own_cache: Path
) -> None:
    first = put(board, transport, modelled(tmp_path / "v1", 1)).deployment
    assert first
    old = hashlib.sha256((tmp_path / "v1" / "weights.bin").read_bytes()).hexdigest()
    (board.folder / "home" / wire.HOME_FOLDER / wire.STORE_FOLDER / old).unlink()
    notes: list[str] = []
    request = DeployRequest(modelled(tmp_path / "v2", 1, jitter=2), board.entry)
    second = deploy(request, transport, progress=notes.append).deployment
    assert second
    assert second.sent_bytes > 200_000
    assert any("did not fit" in note for note in notes)
    assert active(board) == second.release


def test_a_slow_link_gets_packed_files(board: LocalBoard, tmp_path: Path, own_cache: Path) -> None:
    folder = modelled(tmp_path / "v1", 1)
    network = NetworkProfile("thin", "Thin", 1.0, 0.0, 8000.0, 8000.0, "a test")
    with ShapingLink(network, "127.0.0.1", board.port) as link:
        host_key = " ".join((board.folder / "host_key.pub").read_text().split()[:2])
        known_hosts = tmp_path / "known_hosts"
        known_hosts.write_text(f"[127.0.0.1]:{link.port} {host_key}\n")
        far = dataclasses.replace(board.entry, port=link.port, known_hosts=str(known_hosts))
        (folder / "filler.bin").write_bytes(random.Random(1).randbytes(199_500))
        card = load_card(folder)
        data = (folder / "filler.bin").read_bytes()
        entry = FileEntry("filler.bin", hashlib.sha256(data).hexdigest(), len(data))
        save(dataclasses.replace(card, files=(*card.files, entry)), folder / "card.json")
        with open_transport(far) as slow:
            done = deploy(DeployRequest(folder, far), slow).deployment
    assert done
    sizes = sum(f.size_bytes for f in load_card(folder).files)
    assert done.sent_bytes < sizes - 20_000
