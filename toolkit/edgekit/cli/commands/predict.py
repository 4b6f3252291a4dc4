"""Predict what a model takes on a board that is not there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgekit.cli.options import records_option
from edgekit.cli.output import Output, output_options

if TYPE_CHECKING:
    from edgekit.core.prediction import Prediction


@click.command()
@click.argument("artifact", type=click.Path(path_type=Path))
@click.option("--profile", required=True, help="Board type: edgekit profiles list.")
@click.option("--threads", default=0, type=click.IntRange(0, 1024), help="Default: the profile's.")
@records_option
@output_options
def command(artifact: Path, profile: str, threads: int, records: Path, output: Output) -> None:
    """Predict the latency of an ARTIFACT on a board type, as an interval.

    The floor (arithmetic and memory at the board's peak) times a factor that is learnt from your
    own measurements on boards of that type in --records, else from published ones. It is stamped
    predicted, and no command takes it for a measurement.

    \b
    Examples:
      edgekit predict artifact --profile raspberrypi-5
      edgekit predict artifact --profile raspberrypi-4b --threads 1 --json
    """
    from edgekit.boards.deploy import load_card
    from edgekit.cli.predicting import predict_artifact
    from edgekit.core.record import save

    card = load_card(artifact)
    found = predict_artifact(card, profile, threads, records)
    path = save(found, records / f"prediction-{found.model_name}-{found.profile}.json")
    output.data(found, describe(found))
    output.note(f"record: {path}")
    output.next_step(f"edgekit boards add my-board --host HOST --profile {found.profile}")


def describe(found: Prediction) -> str:
    """The interval, and what it rests on."""
    from edgekit.core.record import Unavailable
    from edgekit.core.units import format_interval_ms, format_ms

    value = found.latency_ms
    shown = format_interval_ms(value.value, value.low, value.high)
    error = found.held_out_error
    checked = (
        error.reason
        if isinstance(error, Unavailable)
        else f"predicted from the others, the known ones are off by {error:.0%} (median)"
    )
    whose = "your own measurements" if found.is_own else "published latencies"
    return "\n".join(
        (
            f"{found.model_name} {found.recipe} on {found.profile}: {shown} [predicted, "
            f"{value.confidence:.0%} interval]",
            f"* floor {format_ms(found.floor_ms)} at {found.roof}",
            f"* factor from {whose}: {'; '.join(found.known)}",
            f"* {checked}",
        )
    )
