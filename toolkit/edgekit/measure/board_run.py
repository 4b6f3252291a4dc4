"""Runs a release on a board and makes a measurement of what the runner says."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Self

from edgekit.boards.session import RunnerSession
from edgekit.core.artifact import ModelArtifact
from edgekit.core.board import BoardEntry, BoardFacts
from edgekit.core.deploy import Deployment
from edgekit.core.errors import BoardError, BoardTimeout, EdgekitError, RunnerFailed, Unreachable
from edgekit.core.measurement import Measurement, RunOptions
from edgekit.core.profile import DeviceProfile
from edgekit.core.record import to_plain
from edgekit.measure.collected import Collected, busy_ns
from edgekit.measure.run_notes import judge_run
from edgekit.measure.validity import (
    judge_board,
    judge_conditions,
    judge_incomplete,
    judge_machine,
    judge_samples,
)
from edgekit.profiles.device import load_profile
from edgekit.profiles.matching import check_board
from edgekit_runner import __version__ as runner_version

SPARE_S = 120
"""Beyond the longest timed part: loading the model, warm-up, a slow board."""
EMULATED_FACTOR = 20
"""An emulated second lasts longer: the instruction clock runs at about 0.1 to 0.3 of real time."""
SILENCE_S = 90
"""The runner speaks twice a second; a board that says nothing for so long is lost."""
ALIVE_TIMEOUT_S = 10

OnEvent = Callable[[Mapping[str, Any]], None]  # Any: JSON
Keep = Callable[[Measurement], Path]


@dataclass(frozen=True)
class RunTarget:
    """A release on a board, ready to run."""

    entry: BoardEntry
    facts: BoardFacts
    deployment: Deployment
    artifact: ModelArtifact
    site: tuple[str, ...]
    """Folders on the board with the engine's libraries."""
    folder: str = ""
    """Where the artifact lies on the host, so that records can name it."""

    @property
    def machine(self) -> str:
        """What really runs."""
        facts = self.facts
        return f"{facts.cpu_model} ({facts.arch}, {facts.cpu_count} processors)"


def default_threads(profile: DeviceProfile, facts: BoardFacts) -> int:
    """The profile's threads, no more than the board has processors."""
    wanted = profile.default_threads or profile.cores[0].count
    return max(1, min(wanted, facts.cpu_count))


def run_on_board(
    session: RunnerSession,
    target: RunTarget,
    options: RunOptions,
    *,
    on_event: OnEvent = lambda event: None,
    keep: Keep | None = None,
) -> Measurement:
    """Measures a release.

    Args:
        session: the runner on the board.
        target: what runs where.
        options: how.
        on_event: receives the runner's events as they arrive, for progress.
        keep: stores what had arrived when a run breaks off, and says where.

    Raises:
        RunnerFailed: the runner ended without a result, or its samples do not fit together.
        BoardError: the board was lost, or says why it cannot run the release.
    """
    started = time.perf_counter()
    factor = EMULATED_FACTOR if target.entry.emulated else 1
    limit_s = (options.max_duration_s + options.min_duration_s + SPARE_S) * factor
    request = to_plain(options) | {
        "release_path": target.deployment.release_path,
        "site": list(target.site),
        "deadline_s": round(limit_s),
    }
    collected = Collected(options)
    with _Silence(session, SILENCE_S * factor) as silence:

        def take(event: Mapping[str, Any]) -> None:  # Any: JSON
            silence.heard()
            collected.take(event)
            on_event(event)

        try:
            session.call("run", request, timeout_s=limit_s, on_event=take)
        except (EdgekitError, KeyboardInterrupt) as err:
            cause = _cause(err, session, target, silence)
            if not collected.count:
                raise cause from err
            _keep_and_raise(cause, err, target, collected, started, keep)
    return make_measurement(target, collected, wall_s=time.perf_counter() - started)


def make_measurement(
    target: RunTarget, collected: Collected, *, wall_s: float, incomplete: str = ""
) -> Measurement:
    """The record of what has arrived.

    Raises:
        RunnerFailed: there are no samples, or they do not fit together.
    """
    samples, starts = collected.samples()
    options, entry, artifact = collected.options, target.entry, target.artifact
    notes = [
        *judge_machine(
            stand_in=entry.stand_in,
            emulated=entry.emulated,
            machine=target.machine,
            profile=artifact.profile,
        ),
        *judge_conditions(
            collected.conditions, collected.wait_ns, busy_ns(samples["total"], options)
        ),
        *judge_samples(samples["total"], starts, warmup_runs=options.warmup_runs),
        *judge_run(collected, samples),
        *judge_board(
            target.facts,
            check_board(load_profile(artifact.profile), target.facts, stand_in=entry.stand_in),
            profile=artifact.profile,
        ),
        *judge_incomplete(incomplete),
    ]
    return Measurement(
        id=f"run-{secrets.token_hex(4)}",
        board=entry.name,
        profile=artifact.profile,
        app=target.deployment.app,
        release=target.deployment.release,
        mode=entry.mode,
        machine=target.machine,
        engine=options.engine,
        engine_version=collected.engine_version,
        engine_details=collected.engine_details,
        options=options,
        once_ns=collected.once,
        samples_ns=samples,
        starts_ns=starts,
        conditions=tuple(collected.conditions),
        wait_ns=collected.wait_ns,
        peak_memory_bytes=collected.peak_memory_bytes,
        timer_overhead_ns=collected.timer_overhead_ns,
        validity=tuple(notes),
        model=model_facts(artifact) | ({"folder": target.folder} if target.folder else {}),
        wall_s=round(wall_s, 3),
        measured_utc=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        runner_version=runner_version,
        ended=collected.ended,
        incomplete=incomplete,
        placement=collected.placement,
        fallback=collected.fallback,
        outputs=collected.outputs,
        timed_ns=collected.timed_ns,
        energy=collected.energy,
        sampler=collected.sampler,
    )


class _Silence:
    """Closes the connection when the runner has said nothing for too long."""

    def __init__(self, session: RunnerSession, limit_s: float) -> None:
        self.session = session
        self.limit_s = limit_s
        self.is_over = False
        self._heard = threading.Event()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *details: object) -> None:
        self._done.set()
        self._heard.set()
        self._thread.join()

    def heard(self) -> None:
        """The runner said something."""
        self._heard.set()

    def _watch(self) -> None:
        while self._heard.wait(self.limit_s):
            if self._done.is_set():
                return
            self._heard.clear()
        self.is_over = True
        self.session.transport.close()


def _cause(
    err: BaseException, session: RunnerSession, target: RunTarget, silence: _Silence
) -> BaseException:
    """What really happened: a runner that ends without a word was killed, or the link is gone."""
    name = target.entry.name
    probe = f"edgekit boards probe {name}"
    if silence.is_over:
        return BoardTimeout(
            f"{name} has said nothing for {silence.limit_s:g} s; the connection was given up",
            hint=f"is it still on? {probe}",
        )
    if not isinstance(err, RunnerFailed) or "exit_code" not in err.details:
        return err
    try:
        session.transport.run(["true"], timeout_s=ALIVE_TIMEOUT_S)
    except BoardError:
        return Unreachable(
            f"the connection to {name} was lost during the run: it rebooted, or the link broke",
            hint=f"when it is back: {probe}",
        )
    code = err.details["exit_code"]
    if code not in KILLED:
        return err
    return RunnerFailed(
        f"the runner was killed on {name} during the run: most often the board ran out of memory",
        hint=f"see its kernel log: ssh {target.entry.host or name} dmesg | tail; then run a smaller "
        "model or batch",
        details=err.details,
    )


KILLED = (-1, -9, 137)
"""How transports tell that a signal ended a command: without a code, or as a shell tells it."""


def _keep_and_raise(
    cause: BaseException,
    err: BaseException,
    target: RunTarget,
    collected: Collected,
    started: float,
    keep: Keep | None,
) -> NoReturn:
    reason = cause.message if isinstance(cause, EdgekitError) else "interrupted"
    wall_s = time.perf_counter() - started
    if keep is None:
        raise cause from err
    path = keep(make_measurement(target, collected, wall_s=wall_s, incomplete=reason))
    if not isinstance(cause, EdgekitError):
        raise cause from err
    raise type(cause)(
        f"{cause.message}; {collected.count} invocations that had arrived are in {path}",
        hint=cause.hint,
        details=cause.details | {"record": str(path)},
    ) from err


def model_facts(artifact: ModelArtifact) -> dict[str, str]:
    """What a record says about its model."""
    main = next(entry for entry in artifact.files if entry.path == artifact.model)
    return {
        "name": artifact.name,
        "format": artifact.format.value,
        "recipe": artifact.recipe,
        "sha256": main.sha256,
        "source_sha256": artifact.source.sha256,
    }


def total_ms(measurement: Measurement) -> Sequence[float]:
    """End-to-end times in milliseconds, in the order in which they were measured."""
    return [value / 1e6 for value in measurement.samples_ns["total"]]
