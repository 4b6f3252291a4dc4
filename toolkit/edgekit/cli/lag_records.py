"""Record files of one question, by kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edgekit.boards.deploy import load_card
from edgekit.core.board import BoardFacts
from edgekit.core.comparison import Comparison
from edgekit.core.errors import NotComparable, RecordError
from edgekit.core.lag import Calibration
from edgekit.core.measurement import Measurement
from edgekit.core.network import CloudTrip
from edgekit.core.operations import OperationProfile
from edgekit.core.record import load, parse, read_document
from edgekit.explain.evidence import Records
from edgekit.profiles.device import load_profile
from edgekit_runner import wire


def gather(
    run: Path, others: Sequence[Path], artifact: Path | None
) -> tuple[Measurement, Records]:
    """The measurement, and what the other files say beside it.

    Trips of a comparison are looked for beside its file. An artifact that is not named is the
    folder that the measurement names, where that still lies there.

    Raises:
        RecordError: a file is no record, or of a kind that explains nothing.
        NotComparable: a comparison is of another run.
    """
    measured = load(Measurement, run)
    folder = artifact
    if folder is None and measured.model.get("folder"):
        named = Path(measured.model["folder"])
        folder = named if (named / wire.CARD_FILE).exists() else None
    known = Records(
        artifact=load_card(folder) if folder else None,
        profile=load_profile(measured.profile),
        folder=str(folder) if folder else "",
    )
    for path in others:
        known = _with(known, measured, path)
    return measured, known


def _with(known: Records, measured: Measurement, path: Path) -> Records:
    document = read_document(path)
    kind, where = str(document.get("kind")), str(path)
    if kind == CloudTrip.KIND:
        trip = parse(CloudTrip, document, where=where)
        return replace(known, trips=(*known.trips, trip))
    if kind == Comparison.KIND:
        return _with_comparison(known, measured, parse(Comparison, document, where=where), path)
    if kind == OperationProfile.KIND:
        return replace(known, operations=parse(OperationProfile, document, where=where))
    if kind == Calibration.KIND:
        return replace(known, calibration=parse(Calibration, document, where=where))
    if kind == BoardFacts.KIND:
        return replace(known, facts=parse(BoardFacts, document, where=where))
    raise RecordError(
        f"{path}: a {kind} explains nothing here",
        hint="trips, comparisons, profiles of operations, calibrations and board facts do",
    )


def _with_comparison(
    known: Records, measured: Measurement, comparison: Comparison, path: Path
) -> Records:
    if comparison.measurement_id != measured.id:
        raise NotComparable(
            f"{path} compares {comparison.measurement_id}, not {measured.id}",
            hint="name the run that was compared",
        )
    trips = []
    for item in comparison.networks:
        trip_path = path.with_name(f"{item.trip_id}.json")
        if not trip_path.exists():
            raise RecordError(
                f"{path} speaks of {item.trip_id}, whose record is not beside it",
                hint="name the trip: --trip FILE",
            )
        trips.append(load(CloudTrip, trip_path))
    return replace(known, trips=(*known.trips, *trips))
