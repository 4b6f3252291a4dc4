"""Runs a release on a board and makes a measurement of what the runner says."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgekit.boards.session import RunnerSession
from edgekit.core.artifact import ModelArtifact
from edgekit.core.board import BoardEntry, BoardFacts
from edgekit.core.deploy import Deployment
from edgekit.core.errors import RecordError, RunnerFailed
from edgekit.core.measurement import Condition, Measurement, RunOptions
from edgekit.core.profile import DeviceProfile
from edgekit.core.record import Unavailable, from_plain, to_plain
from edgekit.measure.validity import judge_conditions, judge_machine, judge_samples
from edgekit_runner import __version__ as runner_version

SPARE_S = 120
"""Beyond the longest timed part: loading the model, warm-up, a slow board."""


EMULATED_FACTOR = 20
"""An emulated second lasts longer: the instruction clock runs at about 0.1 to 0.3 of real time."""


@dataclass(frozen=True)
class RunTarget:
    """A release on a board, ready to run."""

    entry: BoardEntry
    facts: BoardFacts
    deployment: Deployment
    artifact: ModelArtifact
    site: tuple[str, ...]
    """Folders on the board with the engine's libraries."""


def default_threads(profile: DeviceProfile, facts: BoardFacts) -> int:
    """The profile's threads, no more than the board has processors."""
    wanted = profile.default_threads or profile.cores[0].count
    return max(1, min(wanted, facts.cpu_count))


def run_on_board(session: RunnerSession, target: RunTarget, options: RunOptions) -> Measurement:
    """Measures a release.

    Raises:
        RunnerFailed: the runner ended without a result, or its samples do not fit together.
        BoardError: the board was lost.
    """
    started = time.perf_counter()
    request = to_plain(options) | {
        "release_path": target.deployment.release_path,
        "site": list(target.site),
    }
    collected = _Collected()
    timeout_s = options.max_duration_s + options.min_duration_s + SPARE_S
    if target.entry.emulated:
        timeout_s *= EMULATED_FACTOR
    session.call("run", request, timeout_s=timeout_s, on_event=collected.take)
    collected.require_consistent()
    facts, entry, artifact = target.facts, target.entry, target.artifact
    machine = f"{facts.cpu_model} ({facts.arch}, {facts.cpu_count} processors)"
    total = collected.samples["total"]
    notes = [
        *judge_machine(
            stand_in=entry.stand_in,
            emulated=entry.emulated,
            machine=machine,
            profile=artifact.profile,
        ),
        *judge_conditions(collected.conditions, collected.wait_ns, sum(total) * options.threads),
        *judge_samples(total, collected.starts, warmup_runs=options.warmup_runs),
    ]
    return Measurement(
        id=f"run-{secrets.token_hex(4)}",
        board=entry.name,
        profile=artifact.profile,
        app=target.deployment.app,
        release=target.deployment.release,
        mode=entry.mode,
        machine=machine,
        engine=options.engine,
        engine_version=collected.engine_version,
        engine_details=collected.engine_details,
        options=options,
        once_ns=collected.once,
        samples_ns={name: tuple(values) for name, values in collected.samples.items()},
        starts_ns=tuple(collected.starts),
        conditions=tuple(collected.conditions),
        wait_ns=collected.wait_ns,
        peak_memory_bytes=collected.peak_memory_bytes,
        timer_overhead_ns=collected.timer_overhead_ns,
        validity=tuple(notes),
        model=_model(artifact),
        wall_s=round(time.perf_counter() - started, 3),
        measured_utc=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        runner_version=runner_version,
    )


class _Collected:
    """What the runner said, event by event."""

    def __init__(self) -> None:
        self.engine_version = ""
        self.engine_details: dict[str, str] = {}
        self.once: dict[str, int] = {}
        self.samples: dict[str, list[int]] = {}
        self.starts: list[int] = []
        self.conditions: list[Condition] = []
        self.wait_ns: int | Unavailable = Unavailable("the kernel does not offer schedstat")
        self.peak_memory_bytes: int | Unavailable = Unavailable("the runner did not tell")
        self.timer_overhead_ns = 0

    def take(self, event: Mapping[str, Any]) -> None:  # Any: JSON
        """Adds one event."""
        kind = event["event"]
        fields = {key: value for key, value in event.items() if key != "event"}
        try:
            if kind == "engine":
                self.engine_version = str(fields["version"])
                self.engine_details = {str(k): str(v) for k, v in fields["details"].items()}
            elif kind == "once":
                self.once[str(fields["phase"])] = int(fields["ns"])
            elif kind == "condition":
                self.conditions.append(from_plain(Condition, fields))
            elif kind == "samples":
                self.samples.setdefault(str(fields["phase"]), []).extend(map(int, fields["ns"]))
            elif kind == "starts":
                self.starts.extend(map(int, fields["ns"]))
            elif kind == "summary":
                self._take_summary(fields)
        except (KeyError, TypeError, ValueError, AttributeError, RecordError) as err:
            raise RunnerFailed(f"the runner's {kind} event is not understood: {err}") from err

    def _take_summary(self, fields: Mapping[str, Any]) -> None:  # Any: JSON
        if fields["wait_ns"] is not None:
            self.wait_ns = max(int(fields["wait_ns"]), 0)
        if fields["peak_memory_bytes"] is not None:
            self.peak_memory_bytes = int(fields["peak_memory_bytes"])
        self.timer_overhead_ns = int(fields["timer_overhead_ns"])

    def require_consistent(self) -> None:
        """Every phase has as many samples as there were invocations."""
        lengths = {name: len(values) for name, values in self.samples.items()}
        if "total" not in lengths or not lengths["total"]:
            raise RunnerFailed("the runner gave no samples")
        if set(lengths.values()) != {len(self.starts)}:
            raise RunnerFailed(f"the runner's samples do not fit together: {lengths}")
        if any(value < 0 for values in self.samples.values() for value in values):
            raise RunnerFailed("the runner gave negative times: its clock is broken")


def _model(artifact: ModelArtifact) -> dict[str, str]:
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
