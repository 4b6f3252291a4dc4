"""How candidates of a search are measured, and how its end is told."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.cli.output import Output, aligned
from edgekit.core.compression import Timing
from edgekit.core.errors import GateFailed
from edgekit.core.mode import Mode
from edgekit.core.record import Unavailable, dump
from edgekit.core.search import NO_SENSOR, SearchRecord, Trial, TrialState
from edgekit.core.units import format_bytes, format_ms

if TYPE_CHECKING:
    from edgekit.cli.compressing import TrainOptions
    from edgekit.compress.searching import Measure, Measured
    from edgekit.convert.request import ConvertRequest

AGAIN = 0.05
"""Two measurements of one model that differ by more than this share are told apart."""
HEADS = ("", "trial", "accuracy", "p50", "p95", "again", "size", "what")


@dataclass(frozen=True)
class Stage:
    """Where candidates are converted for, and run."""

    board: str
    profile: str
    engine: str
    recipe: str
    calibration: Path | None
    data: Path | None
    inventory: Path | None
    options: TrainOptions | None = None
    """How the model itself is read; None for one of ours (.pt2)."""


def artifact_request(
    stage: Stage, model: Path, parameters: Mapping[str, object]
) -> ConvertRequest:
    """The conversion of a candidate; its parameters go before the stage's."""
    from edgekit.cli.projects import parse_shapes
    from edgekit.convert.pipelines import parse_pipeline
    from edgekit.convert.request import ConvertRequest

    options = stage.options
    return ConvertRequest(
        model,
        stage.profile,
        recipe=str(parameters.get("recipe", stage.recipe)),
        engine=str(parameters.get("engine", stage.engine)),
        calibration=stage.calibration,
        data=stage.data,
        name="candidate",
        proof=False,
        shapes=parse_shapes(options.shapes) if options else {},
        weights=options.weights if options else None,
        trust=options.trust if options else False,
        label=options.label if options else "",
        pipeline=parse_pipeline(options.pipeline if options else ""),
    )


def board_measure(stage: Stage, output: Output) -> Measure:
    """Converted by the real converter, deployed, run on the board."""
    from edgekit.cli.chain import RunSettings, deploy_and_run
    from edgekit.cli.compressing import timing_of
    from edgekit.compress.searching import Measured
    from edgekit.convert.converting import convert
    from edgekit.core.artifact import Accuracy

    def measure(model: Path, parameters: dict[str, object]) -> Measured:
        with tempfile.TemporaryDirectory(prefix="edgekit-search-") as scratch:
            folder = Path(scratch) / "artifact"
            card = convert(
                artifact_request(stage, model, parameters), folder, progress=output.detail
            )
            threads = int(str(parameters.get("threads", 1)))
            run = deploy_and_run(
                folder,
                stage.board,
                "candidate",
                RunSettings(200, 20, 1.5, 30.0, threads=threads),
                inventory=stage.inventory,
                output=Output(quiet=not output.verbose),
            )
        accuracy = card.accuracy
        energy = run.measurement.energy_per_sample_mj
        return Measured(
            timing_of(run.measurement),
            card.size_bytes,
            accuracy.artifact if isinstance(accuracy, Accuracy) else accuracy,
            NO_SENSOR if energy is None else energy,
            accuracy.original if isinstance(accuracy, Accuracy) else None,
        )

    return measure


def host_measure() -> Measure:
    """ONNX Runtime on this machine, one thread, float: a stand-in for a board."""
    from edgekit.compress.searching import Measured
    from edgekit.toolenvs import worker

    def measure(model: Path, parameters: dict[str, object]) -> Measured:
        reply = worker.call(
            "compress",
            "edgekit.compress.workers.time_models",
            {"models": [str(model.absolute())], "rounds": 10, "runs": 30},
        )
        timing = Timing(
            reply["p50_ms"][0], reply["where"], Mode.MEASURED, p95_ms=reply["p95_ms"][0]
        )
        return Measured(timing, reply["size_bytes"][0], Unavailable("as trained"))

    return measure


def finish_search(record: SearchRecord, out: Path, output: Output) -> None:
    """Shows the front; ends with exit code 7 when nothing meets the target or the board is gone.

    Raises:
        GateFailed: as said; what was found is in the folder.
    """
    missed = record.ended
    if not missed and record.best is None:
        missed = f"no trial of {len(record.trials)} meets {record.target}"
    if missed:
        if not output.as_json:
            output.data(record, describe_search(record))
        best = nearest(record)
        so_far = f"; the best so far is trial {best.number} in {out}" if best else ""
        raise GateFailed(
            f"{missed}{so_far}",
            hint=f"the same command goes on in {out}; or a wider --target, or more --trials",
            details={"search": dump(record)},
        )
    output.data(record, f"{describe_search(record)}\n{out}/")
    for trial in record.trials:
        if trial.is_pareto and trial.again_ms and not isinstance(trial.timing, Unavailable):
            change = abs(trial.again_ms / trial.timing.p50_ms - 1)
            if change > AGAIN:
                output.note(
                    f"note: trial {trial.number} took {change:.0%} more or less the second time"
                )
    output.next_step(f"edgekit convert {out}/trial-{record.best}.pt2 --profile PROFILE")


def nearest(record: SearchRecord) -> Trial | None:
    """The trial that misses the target least."""
    measured = [t for t in record.trials if t.state is TrialState.MEASURED]
    return min(measured, key=lambda t: (t.violation, -_number(t.accuracy)), default=None)


def describe_search(record: SearchRecord) -> str:
    """The front, the best marked, and how the other trials ended."""
    shown = [t for t in record.trials if t.is_pareto or t.number == record.best]
    shown = shown or [t for t in (nearest(record),) if t is not None]
    rows = [
        _row(trial, record.best) for trial in sorted(shown, key=lambda t: -_number(t.accuracy))
    ]
    counts = {state: sum(t.state is state for t in record.trials) for state in TrialState}
    ends = ", ".join(f"{count} {state.value}" for state, count in counts.items() if count)
    lines = [aligned(HEADS, rows)] if rows else []
    lines.append(f"* {len(record.trials)} trials: {ends}; {record.target}")
    timing = next((t.timing for t in shown if not isinstance(t.timing, Unavailable)), None)
    if timing is not None:
        lines.append(f"* {timing.where} [{timing.mode.value}]")
    lines.append("* > best that meets the target, * on the front of accuracy, latency and size")
    return "\n".join(lines)


def _row(trial: Trial, best: int | None) -> tuple[str, ...]:
    timing = trial.timing
    has_time = not isinstance(timing, Unavailable)
    p95 = None if isinstance(timing, Unavailable) else timing.p95_ms
    return (
        ">" if trial.number == best else "*" if trial.is_pareto else "",
        str(trial.number),
        "-" if isinstance(trial.accuracy, Unavailable) else f"{trial.accuracy:.2%}",
        format_ms(timing.p50_ms) if has_time and not isinstance(timing, Unavailable) else "-",
        "-" if p95 is None else format_ms(p95),
        "-" if trial.again_ms is None else format_ms(trial.again_ms),
        "-" if isinstance(trial.size_bytes, Unavailable) else format_bytes(trial.size_bytes),
        ", ".join(f"{name}={value}" for name, value in trial.parameters.items()),
    )


def _number(value: float | Unavailable) -> float:
    return -1.0 if isinstance(value, Unavailable) else value
