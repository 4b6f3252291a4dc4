"""Shows what was measured, with its stamp."""

from __future__ import annotations

from pathlib import Path

from edgekit.cli.output import Output
from edgekit.core.errors import DoubtfulMeasurement
from edgekit.core.measurement import Measurement
from edgekit.core.run_set import RunSet
from edgekit.measure.validity import worst


def show(
    found: Measurement | RunSet, text: str, path: Path, output: Output, *, strict: bool
) -> None:
    """The result, where it lies, and its stamp with cause and cure.

    Raises:
        DoubtfulMeasurement: it is not valid, and the user is strict.
    """
    stamp = found.stamp.value
    note = worst(found.validity if isinstance(found, Measurement) else found.doubts)
    is_refused = strict and note is not None
    if not (is_refused and output.as_json):  # the error is then the one document
        output.data(found, text)
    output.note(f"record: {path}")
    if note is None:
        output.note(stamp)
        return
    if is_refused:
        details = {"stamp": stamp, "note": note.id, "record": str(path)}
        message = f"the measurement is {stamp}: {note.message}"
        raise DoubtfulMeasurement(message, hint=note.cure, details=details)
    output.note(f"{stamp}: {note.message}" + (f" -> {note.cure}" if note.cure else ""))
