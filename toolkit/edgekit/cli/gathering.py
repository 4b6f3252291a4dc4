"""Record files become one report: each takes the place of its kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.core.errors import RecordError
from edgekit.core.record import Record, parse, read_document

if TYPE_CHECKING:
    from edgekit.report.input import ReportInput

CARD = "card.json"


def gather(paths: Sequence[Path], title: str = "") -> ReportInput:
    """One report from record files, in any order; an artifact's folder stands for its card.

    Several measurements are shown side by side; the first, or the one that the comparison or the
    lag report is about, is the report's own.

    Raises:
        RecordError: a file is no record, or two of them take the same place.
    """
    from edgekit.core.measurement import Measurement
    from edgekit.core.network import CloudTrip
    from edgekit.report.input import ReportInput

    places = _places()
    found: dict[str, Any] = {}  # Any: records of different kinds
    measurements: list[Measurement] = []
    trips: list[CloudTrip] = []
    for given in paths:
        path = given / CARD if (given / CARD).is_file() else given
        document = read_document(path)
        kind = str(document.get("kind"))
        if kind == ReportInput.KIND:
            return parse(ReportInput, document, where=str(path))
        if kind == CloudTrip.KIND:
            trips.append(parse(CloudTrip, document, where=str(path)))
        elif kind == Measurement.KIND:
            measurements.append(parse(Measurement, document, where=str(path)))
        elif kind in places:
            place, record = places[kind]
            if place in found:
                raise RecordError(
                    f"{path}: there is already one {place.replace('_', ' ')} among the records",
                    hint="name the records of one question only",
                )
            found[place] = parse(record, document, where=str(path))
        else:
            raise RecordError(
                f"{path}: a {kind} has no place in a report",
                hint="runs, trips, comparisons, lag reports, cards, selections, profiles of operations",
            )
    found |= _sorted_out(measurements, found)
    return ReportInput(title or _title(found), trips=tuple(trips), **found)


def _places() -> dict[str, tuple[str, type[Record]]]:
    """Kind of record to its place in a report."""
    from edgekit.core.artifact import ModelArtifact
    from edgekit.core.board import BoardFacts
    from edgekit.core.comparison import Comparison
    from edgekit.core.deploy import Deployment
    from edgekit.core.lag import LagReport
    from edgekit.core.load import LoadSweep
    from edgekit.core.operations import OperationProfile
    from edgekit.core.run_set import RunSet
    from edgekit.core.selection import Selection

    places: Mapping[str, type[Record]] = {
        "artifact": ModelArtifact,
        "deployment": Deployment,
        "comparison": Comparison,
        "lag": LagReport,
        "run_set": RunSet,
        "selection": Selection,
        "operations": OperationProfile,
        "load": LoadSweep,
        "facts": BoardFacts,
    }
    return {kind.KIND: (place, kind) for place, kind in places.items()}


def _sorted_out(
    measurements: Sequence[Any], found: Mapping[str, Any]
) -> dict[str, Any]:  # Any: records of different kinds
    """The report's own measurement, and the others."""
    if not measurements:
        return {}
    about = {found[place].measurement_id for place in ("comparison", "lag") if place in found}
    own = next((m for m in measurements if m.id in about), measurements[0])
    others = tuple(m for m in measurements if m is not own)
    return {"measurement": own, "more_measurements": others}


def _title(found: Mapping[str, Any]) -> str:  # Any: records of different kinds
    if "measurement" in found:
        measurement = found["measurement"]
        return f"{measurement.model['name']} on {measurement.board}"
    if "artifact" in found:
        return f"{found['artifact'].name} for {found['artifact'].profile}"
    for place in ("selection", "load"):
        if place in found:
            return f"{found[place].model_name}: {place}"
    return "edgekit report"
