"""Show the runs in a folder of records over time, with regressions marked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgekit.cli.output import Output, output_options, table
from edgekit.core.errors import GateFailed, RecordError
from edgekit.core.suggest import did_you_mean

if TYPE_CHECKING:
    from edgekit.core.difference import FigureChange
    from edgekit.core.measurement import Measurement
    from edgekit.measure.history import History, Line

HEADERS = (
    "measured",
    "run",
    "engine",
    "p50",
    "against the run before",
    "against the best",
    "stamp",
)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), required=False, default=Path("records"))
@click.option("--model", default="", help="Only this model.")
@click.option("--board", default="", help="Only this board.")
@click.option("--fail-on-regression", is_flag=True, help="Exit 7 when a last run is one.")
@output_options
def command(
    folder: Path, model: str, board: str, fail_on_regression: bool, output: Output
) -> None:
    """Show the runs of FOLDER (default: records/) over time: same model, board, engine, settings.

    A plain folder of records is the store. Marks: - faster, + slower, = the same within 3 %,
    ~ not significant. A run that is slower than the best so far, for sure, is a regression.

    \b
    Examples:
      edgekit history
      edgekit history records --model efficientnet-lite0 --fail-on-regression
    """
    from edgekit.measure.history import History, history_of

    if not folder.is_dir():
        raise RecordError(
            f"{folder}: no such folder of records",
            hint="edgekit run ARTIFACT --board BOARD writes into records/",
        )
    left_out: list[str] = []
    found = list(_measurements(folder, left_out))
    chosen = [m for m in found if model in ("", m.model["name"]) and board in ("", m.board)]
    if found and not chosen:
        names = {m.model["name"] for m in found} if model else {m.board for m in found}
        raise RecordError(
            f"{folder} has no run of {model or board}", hint=did_you_mean(model or board, names)
        )
    history = History(history_of(chosen), tuple(left_out))
    output.data(history, "\n\n".join(map(_text, history.lines)))
    for line in left_out:
        output.note(f"left out: {line}")
    if not found:
        output.note(f"{folder} holds no runs")
        output.next_step("edgekit run ARTIFACT --board BOARD")
    if fail_on_regression:
        _require(history)


def _measurements(folder: Path, left_out: list[str]) -> Iterator[Measurement]:
    """Runs of the folder; records of other kinds are passed over, unreadable ones are told."""
    from edgekit.core.measurement import Measurement
    from edgekit.core.record import parse, read_document

    for path in sorted(folder.rglob("*.json")):
        try:
            document = read_document(path)
            if document.get("kind") == Measurement.KIND:
                yield parse(Measurement, document, where=str(path))
        except RecordError as err:
            left_out.append(err.message)


def _text(line: Line) -> str:
    from edgekit.core.units import format_ms

    rows = []
    for entry in line.entries:
        mark = " regression" if entry.is_regression else ""
        rows.append(
            (
                entry.measured_utc,
                entry.measurement,
                f"{line.subject.engine} {entry.engine_version}",
                format_ms(entry.p50_ms),
                _change(entry.against_previous),
                _change(entry.against_best) + mark,
                entry.stamp,
            )
        )
    return f"{line.subject.name}\n{table(HEADERS, rows)}"


def _change(change: FigureChange | None) -> str:
    from edgekit.report.differences import MARKS, ratio_text

    return "" if change is None else f"{MARKS[change.judgement]} {ratio_text(change.ratio)}"


def _require(history: History) -> None:
    """Fails when a subject's last run is a regression.

    Raises:
        GateFailed: with every such run.
    """
    found = history.regressions
    if found:
        told = "; ".join(f"{entry.measurement}: {subject.name}" for subject, entry in found)
        raise GateFailed(f"slower than the best so far: {told}", hint="edgekit diff BEST RUN")
