"""Several conversions with one command: a row each, one document, one exit code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.cli.output import Output, aligned
from edgekit.cli.projects import ConvertOptions, convert_requests
from edgekit.core.record import Unavailable
from edgekit.core.units import format_bytes

if TYPE_CHECKING:
    from edgekit.convert.batch import ConversionRow, Conversions

NARROW = 60


def convert_many(options: ConvertOptions, out: Path, jobs: int, ray: str, output: Output) -> int:
    """Converts every model for every profile; gives the exit code of the whole.

    Args:
        options: with several models or profiles.
        out: folder of the artifacts, ``out/<model>/<profile>``.
        jobs: conversions at a time on this machine.
        ray: address of a Ray cluster that does them instead; empty for none.
        output: where words go.
    """
    from edgekit.convert.batch import convert_all, plan_jobs

    planned = plan_jobs(convert_requests(options, Path()), out)
    if ray:
        from edgekit.convert.on_ray import convert_on_ray

        found = convert_on_ray(planned, ray, progress=output.note)
    else:
        found = convert_all(planned, at_once=jobs, progress=output.note)
    output.data(found, describe_conversions(found))
    return found.exit_code


def describe_conversions(found: Conversions) -> str:
    """The table, and below it what went wrong with the next command."""
    head = ("model", "profile", "engine", "recipe", "size", "of float", "same answer", "time")
    lines = [aligned(head, [_cells(row) for row in found.rows])]
    for row in found.rows:
        if row.exit_code:
            lines.append(f"{row.model} for {row.profile}: {row.error} (exit code {row.exit_code})")
            lines += [f"  hint: {row.hint}"] if row.hint else []
    made = sum(row.exit_code == 0 for row in found.rows)
    return "\n".join([*lines, f"{made} of {len(found.rows)} made"])


def _cells(row: ConversionRow) -> tuple[str, ...]:
    model = row.model if len(row.model) <= NARROW else f"...{row.model[-NARROW:]}"
    size, whole = row.size_bytes, row.float_size_bytes
    if row.exit_code or isinstance(size, Unavailable):
        return (model, row.profile, "-", "failed", "-", "-", "-", f"{row.elapsed_s:.1f} s")
    share = "-" if isinstance(whole, Unavailable) or not whole else f"{size / whole:.2f} x"
    same = "-" if row.top1_agreement is None else f"{row.top1_agreement:.1%}"
    cells = (model, row.profile, row.engine, row.recipe, format_bytes(size), share, same)
    return (*cells, f"{row.elapsed_s:.1f} s")
