"""Say what changed between two runs or two artifacts, and whether it counts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgekit.cli.output import Output, output_options
from edgekit.cli.quantities import Percent
from edgekit.core.errors import GateFailed, RecordError

if TYPE_CHECKING:
    from edgekit.core.difference import Difference

PATH = click.Path(path_type=Path)
CARD = "card.json"


@click.command()
@click.argument("before", type=PATH)
@click.argument("after", type=PATH)
@click.option("--max-slower", type=Percent(), help="Exit 7 when the median is slower by more: 10%")
@output_options
def command(before: Path, after: Path, max_slower: float | None, output: Output) -> None:
    """Compare BEFORE with AFTER: two records of runs, or two artifact folders.

    Every figure comes with the ratio of the two and its 95 % interval, and is called better,
    worse, same (within 3 %) or undecided. Then follows what else changed: engine, threads, board,
    versions, operations.

    \b
    Examples:
      edgekit diff records/run-1a2b3c4d.json records/run-5e6f7a8b.json
      edgekit diff records/run-1a2b3c4d.json records/run-5e6f7a8b.json --max-slower 10%
      edgekit diff artifact-float artifact-int8
    """
    from edgekit.core.artifact import ModelArtifact
    from edgekit.core.measurement import Measurement
    from edgekit.core.record import load, read_document
    from edgekit.measure.differences import diff_artifacts, diff_runs
    from edgekit.report.differences import difference_sections
    from edgekit.report.text import render_section

    paths = [path / CARD if path.is_dir() else path for path in (before, after)]
    kinds = [str(read_document(path).get("kind")) for path in paths]
    if kinds[0] != kinds[1]:
        raise RecordError(
            f"{before} is of kind {kinds[0]}, {after} of kind {kinds[1]}",
            hint="give two runs, or two artifact folders",
        )
    if kinds[0] == ModelArtifact.KIND:
        found = diff_artifacts(*(load(ModelArtifact, path) for path in paths))
    else:
        found = diff_runs(*(load(Measurement, path) for path in paths))
    sections = difference_sections(found)
    output.data(found, "\n\n".join(render_section(section) for section in sections))
    if max_slower is not None:
        _require(found, max_slower)


def _require(found: Difference, max_slower: float) -> None:
    """Fails when the median is slower for sure by more than the share.

    Raises:
        GateFailed: it is, or it cannot be told.
    """
    from edgekit.core.record import Unavailable

    if found.of != "runs":
        raise RecordError(
            "--max-slower is about runs", hint="edgekit diff RUN RUN --max-slower 10%"
        )
    ratio = found.figure("total p50").ratio
    if isinstance(ratio, Unavailable):
        raise GateFailed(f"the median's ratio is not known: {ratio.reason}")
    if ratio.low > 1 + max_slower:
        raise GateFailed(
            f"{found.after} is {ratio.value - 1:.1%} slower than {found.before} "
            f"(at least {ratio.low - 1:.1%}), {max_slower:.0%} was allowed",
            hint=f"edgekit explain {found.after}",
        )
