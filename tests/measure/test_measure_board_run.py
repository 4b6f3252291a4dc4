"""Runs over a real SSH server with the echo engine: modes, what is kept when a run breaks off."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from edgekit.boards.deploy import DeployRequest, deploy
from edgekit.boards.session import RunnerSession, ensure_runner, runner_session
from edgekit.boards.transports import open_transport
from edgekit.boards.transports.contract import Transport
from edgekit.boards.virtual.local import LocalBoard
from edgekit.core.artifact import ModelArtifact
from edgekit.core.errors import BoardError, BoardTimeout, EdgekitError, RunnerFailed, Unreachable
from edgekit.core.measurement import Measurement, RunOptions, Stamp
from edgekit.core.record import load, save
from edgekit.measure import board_run
from edgekit.measure.board_run import RunTarget, run_on_board
from edgekit.networks.catalog import load_network
from edgekit.networks.link import ShapingLink
from samples import echo_artifact

OPTIONS = RunOptions("echo", 1, 200, 5, max_duration_s=20.0)
SLOW = replace(OPTIONS, runs=100_000, max_duration_s=60.0, engine_options={"delay_us": "2000"})
"""Runs until something ends it."""


@dataclass
class Bench:
    """A board with a release on it."""

    board: LocalBoard
    session: RunnerSession
    target: RunTarget
    kept: list[Measurement] = field(default_factory=list)

    def keep(self, measurement: Measurement) -> Path:
        self.kept.append(measurement)
        return save(measurement, self.board.folder / f"{measurement.id}.json")

    def run(
        self, options: RunOptions, on_event: Callable[[Mapping[str, Any]], None] = lambda e: None
    ) -> Measurement:  # Any: JSON
        return run_on_board(self.session, self.target, options, on_event=on_event, keep=self.keep)


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalBoard]:
    with LocalBoard("generic-x86-64", folder=tmp_path_factory.mktemp("board")) as local:
        yield local


def deploy_echo(local: LocalBoard, transport: Transport, folder: Path) -> RunTarget:
    done = deploy(DeployRequest(echo_artifact(folder), local.entry, "echo"), transport)
    assert done.deployment
    card = load(ModelArtifact, folder / "card.json")
    return RunTarget(local.entry, done.facts, done.deployment, card, done.site)


@pytest.fixture(scope="module")
def target(board: LocalBoard, tmp_path_factory: pytest.TempPathFactory) -> RunTarget:
    with open_transport(board.entry) as transport:
        return deploy_echo(board, transport, tmp_path_factory.mktemp("echo"))


@pytest.fixture
def bench(board: LocalBoard, target: RunTarget) -> Iterator[Bench]:
    with open_transport(board.entry) as transport:
        yield Bench(board, ensure_runner(transport), target)


def runner_processes(board: LocalBoard) -> list[int]:
    """Runners that this board has started and that still live."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            command = (folder / "cmdline").read_bytes().split(b"\0")
            home = f"HOME={board.folder}/home".encode()
            if b"run" in command and home in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def wait_until_none_runs(board: LocalBoard) -> None:
    """Fails when a runner outlives the run by more than a few of its own ticks."""
    gone = threading.Event()
    for _ in range(100):
        if not runner_processes(board):
            return
        gone.wait(0.1)
    pytest.fail(f"still running on the board: {runner_processes(board)}")


def at_samples(count: int, act: Callable[[], None]) -> Callable[[Mapping[str, Any]], None]:
    """Acts once when samples have been delivered."""  # Any: JSON
    seen: list[str] = []

    def take(event: Mapping[str, Any]) -> None:  # Any: JSON
        if event["event"] == "rows" and not seen:
            seen.append("rows")
            act()

    return take


def test_a_run_has_phases_conditions_and_what_it_cost(bench: Bench) -> None:
    events: list[str] = []
    measured = bench.run(OPTIONS, lambda event: events.append(event["event"]))
    assert events[0] == "started"
    assert len(measured.starts_ns) == 200
    assert set(measured.samples_ns) == {"preprocess", "infer", "postprocess", "total", "cpu"}
    assert {"import", "load", "first_inference"} == set(measured.once_ns)
    assert measured.ended == "200 invocations, as asked for"
    assert measured.incomplete == ""
    assert measured.sampler
    assert measured.throughput_hz
    first, last = measured.conditions[0], measured.conditions[-1]
    assert first.rss_bytes
    assert last.voluntary_switches is not None
    assert last.at_ns >= measured.starts_ns[-1]
    totals = zip(
        *(measured.samples_ns[name] for name in ("preprocess", "infer", "postprocess", "total")),
        strict=True,
    )
    assert all(a + b + c <= total for a, b, c, total in totals)


def test_a_paced_run_counts_from_the_schedule(bench: Bench) -> None:
    measured = bench.run(replace(OPTIONS, runs=20, rate_hz=100.0))
    gaps = [b - a for a, b in zip(measured.starts_ns, measured.starts_ns[1:], strict=False)]
    assert sum(gaps) >= 18 * 10_000_000
    samples = measured.samples_ns
    assert all(late >= 0 for late in samples["lateness"])
    pairs = zip(samples["response"], samples["lateness"], samples["total"], strict=True)
    assert all(response == late + total for response, late, total in pairs)
    assert "rate-missed" not in {note.id for note in measured.validity}


def test_a_rate_that_the_board_cannot_keep_is_noted(bench: Bench) -> None:
    options = replace(OPTIONS, runs=60, rate_hz=400.0, engine_options={"delay_us": "6000"})
    measured = bench.run(options)
    assert "rate-missed" in {note.id for note in measured.validity}
    assert measured.samples_ns["response"][-1] > measured.samples_ns["total"][-1] * 3


def test_streams_run_side_by_side(bench: Bench) -> None:
    options = replace(OPTIONS, runs=60, engine_options={"delay_us": "5000"})
    three = bench.run(replace(options, concurrency=3))
    streams, starts = three.samples_ns["stream"], three.starts_ns
    assert set(streams) == {0, 1, 2}
    assert list(starts) == sorted(starts)
    ends = [start + total for start, total in zip(starts, three.samples_ns["total"], strict=True)]
    together = [ends[i] > starts[i + 1] for i in range(len(starts) - 1)]
    assert sum(together) > len(starts) / 2  # a busy machine may hold a stream up, not all of them


@pytest.mark.parametrize("variant", ["bound", "native"])
def test_variants_run(bench: Bench, variant: str) -> None:
    assert len(bench.run(replace(OPTIONS, runs=20, variant=variant)).starts_ns) == 20


def test_a_fixed_batch_and_an_unknown_option_are_refused(bench: Bench) -> None:
    with pytest.raises(RunnerFailed, match="fixed shape") as caught:
        bench.run(replace(OPTIONS, batch=8))
    assert "--concurrency 8" in caught.value.hint
    with pytest.raises(RunnerFailed, match="no option 'delay'") as unknown:
        bench.run(replace(OPTIONS, engine_options={"delay": "1"}))
    assert "did you mean delay_us" in unknown.value.hint
    assert not bench.kept


def test_a_runner_that_is_killed_leaves_what_had_arrived(bench: Bench) -> None:
    def kill() -> None:
        for process in runner_processes(bench.board):
            os.kill(process, signal.SIGKILL)

    with pytest.raises(RunnerFailed, match="was killed") as caught:
        bench.run(SLOW, at_samples(1, kill))
    assert "memory" in caught.value.message
    assert "dmesg" in caught.value.hint
    (kept,) = bench.kept
    assert kept.stamp is Stamp.INVALID
    assert "was killed" in kept.incomplete
    assert "incomplete" in {note.id for note in kept.validity}
    path = Path(str(caught.value.details["record"]))
    assert str(path) in caught.value.message
    assert load(Measurement, path).samples_ns == kept.samples_ns
    assert len(kept.starts_ns) >= 100
    wait_until_none_runs(bench.board)


def test_a_link_that_breaks_leaves_what_had_arrived(bench: Bench) -> None:
    """The connection is cut under the run, as by a reboot or a pulled cable."""
    with pytest.raises(BoardError, match="lost|gone|closed") as caught:
        bench.run(SLOW, at_samples(1, bench.session.transport.close))
    assert caught.value.exit_code == 5
    (kept,) = bench.kept
    assert kept.incomplete
    assert len(kept.starts_ns) >= 100
    wait_until_none_runs(bench.board)


def test_a_link_that_goes_silent_is_given_up(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing passes any more in the middle of a run, and nobody closes the connection."""
    monkeypatch.setattr(board_run, "SILENCE_S", 2.0)
    board = bench.board
    with ShapingLink(load_network("loopback"), "127.0.0.1", board.port) as link:
        key = " ".join((board.folder / "host_key.pub").read_text().split()[:2])
        known_hosts = tmp_path / "known_hosts"
        known_hosts.write_text(f"[127.0.0.1]:{link.port} {key}\n")
        far = replace(board.entry, port=link.port, known_hosts=str(known_hosts))
        with open_transport(far) as transport:
            bench.session = runner_session(transport)
            with pytest.raises(BoardTimeout, match="has said nothing for 2 s") as caught:
                bench.run(SLOW, at_samples(1, lambda: link.stall(1e6)))
    assert "edgekit boards probe" in caught.value.hint
    (kept,) = bench.kept
    assert "has said nothing" in kept.incomplete
    assert len(kept.starts_ns) >= 100
    assert str(caught.value.details["record"]) in caught.value.message
    wait_until_none_runs(board)


def test_a_board_that_goes_down_is_unreachable(tmp_path: Path) -> None:
    local = LocalBoard("generic-x86-64", folder=tmp_path / "board")
    with local, open_transport(local.entry) as transport:
        target = deploy_echo(local, transport, tmp_path / "artifact")
        bench = Bench(local, ensure_runner(transport), target)
        with pytest.raises(Unreachable) as caught:
            bench.run(SLOW, at_samples(1, local.close))
        assert "edgekit boards probe" in caught.value.hint or "try" in caught.value.hint
        assert bench.kept
        wait_until_none_runs(local)


def test_ctrl_c_keeps_the_record_and_stops_the_runner(bench: Bench) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.run(SLOW, at_samples(1, interrupt))
    assert bench.kept[0].incomplete == "interrupted"
    wait_until_none_runs(bench.board)


def test_a_run_that_breaks_before_any_sample_keeps_nothing(bench: Bench) -> None:
    broken = replace(bench.target.deployment, release_path="/nowhere")
    bench.target = replace(bench.target, deployment=broken)
    with pytest.raises(EdgekitError, match="no release"):
        bench.run(OPTIONS)
    assert not bench.kept
