"""Measures a board and an endpoint in turn, for ``edgekit compare --rounds``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.cli.chain import RunSettings, open_targets, options_for
from edgekit.cli.output import Output

if TYPE_CHECKING:
    from edgekit.core.comparison import Round
    from edgekit.core.measurement import Measurement
    from edgekit.core.network import CloudTrip
    from edgekit.measure.trips import TripRequest

FEWEST_SAMPLES = 8
"""Of a round: six bound a median, two to spare."""


@dataclass(frozen=True)
class InRounds:
    """What is to be measured in turn."""

    folder: Path
    board: str
    request: TripRequest
    rounds: int
    from_board: bool = False
    inventory: Path | None = None
    settings: RunSettings = field(default_factory=RunSettings)


@dataclass(frozen=True)
class BothSides:
    """A comparison's two sides, each as one record."""

    measurement: Measurement
    trips: tuple[CloudTrip, ...]
    rounds: Mapping[str, tuple[Round, ...]]
    """By the id of a trip."""


def measure_in_rounds(wanted: InRounds, output: Output) -> BothSides:
    """Deploys the artifact when needed, and measures edge and cloud in turn.

    Raises:
        EdgekitError: the board or the endpoint is lost; what a round in progress had is lost too.
    """
    from edgekit.boards.session import ensure_runner
    from edgekit.cli.live import LiveLine
    from edgekit.core.comparison import Round
    from edgekit.measure.board_run import run_on_board
    from edgekit.measure.board_trips import measure_from_board
    from edgekit.measure.rounds import (
        CLOUD,
        join_measurements,
        join_trips,
        make_order,
        medians_ms,
        share_of,
    )
    from edgekit.measure.trips import measure_trips

    count = wanted.rounds
    settings = replace(
        wanted.settings,
        runs=share_of(wanted.settings.runs, count, fewest=FEWEST_SAMPLES),
        min_duration_s=wanted.settings.min_duration_s / count,
    )
    request = replace(
        wanted.request,
        runs=share_of(wanted.request.runs, count, fewest=FEWEST_SAMPLES),
        max_duration_s=wanted.request.max_duration_s / count,
    )
    runs: list[tuple[int, Measurement]] = []
    trips: list[tuple[int, tuple[CloudTrip, ...]]] = []
    with open_targets(
        wanted.folder, wanted.board, "", settings, inventory=wanted.inventory, output=output
    ) as targets:
        _, target = targets.get("")
        session = ensure_runner(targets.opened.transport)
        for block in make_order(count):
            output.note(f"round {block.round + 1}/{count}: {block.side}")
            begun = time.perf_counter_ns()
            if block.side == CLOUD:
                found = (
                    (measure_from_board(session, request, progress=output.note),)
                    if wanted.from_board
                    else measure_trips(request, progress=output.note)
                )
                trips.append((begun, found))
                continue
            live = LiveLine(quiet=output.quiet)
            try:
                options = options_for(settings, target)
                runs.append((begun, run_on_board(session, target, options, on_event=live.take)))
            finally:
                live.close()
    rows = [[(begun, found[i]) for begun, found in trips] for i in range(len(trips[0][1]))]
    joined = tuple(join_trips(row) for row in rows)
    rounds = {
        trip.id: tuple(
            Round(*pair) for pair in medians_ms([r for _, r in runs], [t for _, t in row])
        )
        for trip, row in zip(joined, rows, strict=True)
    }
    return BothSides(join_measurements(runs), joined, rounds)
