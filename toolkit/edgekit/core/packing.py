"""Samples as short text: differences from a forecast, bytes by significance, deflated.

Samples of a run are close to their neighbours, so differences are small; putting the bytes of equal
significance together lets deflate drop the upper ones. Nothing is rounded.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping, Sequence
from itertools import accumulate, repeat
from operator import add

from edgekit.core.errors import RecordError

BEFORE, GIVEN = "before", "given"
"""What a series' differences are from, when it is not one number."""
WIDTHS = (1, 2, 3, 4, 8)
"""Bytes per difference: the smallest width that holds all of a series is taken."""
PARTS = ("preprocess", "infer", "postprocess")
"""Phases that make up the total."""
MAX_COUNT = 20_000_000
"""A text that claims to hold more is refused: it would not come from a run."""


def pack(values: Sequence[int], forecast: Sequence[int] | None = None) -> str:
    """The values as text.

    Args:
        values: below 2^62 in magnitude.
        forecast: what each value is expected to be; without one as long as ``values``, the value
            before or the middle of all values, whichever is nearer.

    Example:
        >>> unpack(pack([5, 7, 6]))
        (5, 7, 6)
    """
    base, folded = _differences(values, forecast)
    largest = max(folded, default=0)
    width = next(size for size in WIDTHS if largest < 1 << 8 * size)
    raw = b"".join([value.to_bytes(width, "little") for value in folded])
    planes = b"".join(raw[i::width] for i in range(width))
    text = base64.b85encode(zlib.compress(planes)).decode("ascii")
    return f"{base}:{width}:{len(folded)}:{text}"


def unpack(text: str, forecast: Sequence[int] | None = None) -> tuple[int, ...]:
    """The inverse of :func:`pack`, given the same forecast.

    Raises:
        RecordError: the text is damaged, or does not fit the forecast.
    """
    try:
        base, shown_width, shown_count, body = text.split(":", 3)
        width, count = int(shown_width), int(shown_count)
        if width not in WIDTHS or not 0 <= count <= MAX_COUNT:
            raise RecordError(f"packed samples of {width} bytes, {count} times, are not ours")
        inflater = zlib.decompressobj()
        planes = inflater.decompress(base64.b85decode(body), width * count + 1)
        if not inflater.eof:
            raise RecordError("packed samples are cut off")
        middle = int(base) if base not in (BEFORE, GIVEN) else 0
    except (ValueError, zlib.error) as err:
        raise RecordError(f"packed samples are damaged: {err}") from err
    known = forecast if base == GIVEN else None
    if len(planes) != width * count or (base == GIVEN and len(known or ()) != count):
        raise RecordError(f"packed samples are damaged: {count} were promised")
    raw = bytearray(len(planes))
    for i in range(width):
        raw[i::width] = planes[i * count : (i + 1) * count]
    folded = [int.from_bytes(raw[i : i + width], "little") for i in range(0, len(raw), width)]
    differences = [-((value + 1) >> 1) if value & 1 else value >> 1 for value in folded]
    if base == BEFORE:
        return tuple(accumulate(differences))
    return tuple(a + b for a, b in zip(known or repeat(middle), differences, strict=False))


def _differences(values: Sequence[int], forecast: Sequence[int] | None) -> tuple[str, list[int]]:
    """The differences as numbers >= 0 (odd ones are negative), and what they differ from."""
    if forecast is not None and len(forecast) == len(values):
        base, found = GIVEN, [b - a for a, b in zip(forecast, values, strict=True)]
    else:
        base, found = BEFORE, [b - a for a, b in zip((0, *values), values, strict=False)]
        middle = sorted(values)[len(values) // 2] if values else 0
        around = [value - middle for value in values]
        if sum(map(abs, around)) < sum(map(abs, found)):
            base, found = str(middle), around
    return base, [d << 1 if d >= 0 else (-d << 1) - 1 for d in found]


def pack_samples(
    samples: Mapping[str, Sequence[int]], starts: Sequence[int]
) -> tuple[dict[str, str], str]:
    """The phases of a run and its starts as text, each forecast from the others where it can be."""
    packed = {name: pack(values, _forecast(name, samples)) for name, values in samples.items()}
    total = samples.get("total", ())
    ends = (0, *map(add, starts, total)) if len(total) == len(starts) else (0, *starts)
    return packed, pack([b - a for a, b in zip(ends, starts, strict=False)])


def unpack_samples(
    packed: Mapping[str, str], starts: str
) -> tuple[dict[str, tuple[int, ...]], tuple[int, ...]]:
    """The inverse of :func:`pack_samples`.

    Raises:
        RecordError: a text is damaged.
    """
    if not isinstance(packed, Mapping) or {type(t) for t in (starts, *packed.values())} != {str}:
        raise RecordError("expected packed samples")
    found: dict[str, tuple[int, ...]] = {}
    for name in sorted(packed, key=(*PARTS, *packed).index):
        found[name] = unpack(packed[name], _forecast(name, found))
    gaps = unpack(starts)
    total = found.get("total", ())
    spans = (0, *total) if len(total) == len(gaps) else repeat(0)
    restored = tuple(accumulate(map(add, gaps, spans)))
    return {name: found[name] for name in packed}, restored


def _forecast(name: str, known: Mapping[str, Sequence[int]]) -> Sequence[int] | None:
    """The sum of its parts for the total, inference for its processor time."""
    sources = {"total": PARTS, "cpu": ("infer",)}.get(name, ())
    found = [known[source] for source in sources if source in known]
    if not sources or len(found) < len(sources) or len({len(s) for s in found}) > 1:
        return None
    return [sum(values) for values in zip(*found, strict=True)]


def pack_rows(rows: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """Rows of equal keys as columns: whole numbers packed, columns without a value left out."""
    columns: dict[str, object] = {"rows": len(rows)}
    for name in rows[0] if rows else ():
        values = [row[name] for row in rows]
        if all(type(value) is int for value in values):
            columns[name] = pack([value for value in values if isinstance(value, int)])
        elif any(value is not None for value in values):
            columns[name] = values
    return columns


def unpack_rows(columns: object) -> list[dict[str, object]]:
    """The inverse of :func:`pack_rows`; keys of left out columns are missing.

    Raises:
        RecordError: it is no such table.
    """
    if not isinstance(columns, Mapping) or not isinstance(columns.get("rows"), int):
        raise RecordError("expected packed rows")
    count = columns["rows"]
    found: dict[str, Sequence[object]] = {}
    for name, values in columns.items():
        if name != "rows":
            found[name] = unpack(values) if isinstance(values, str) else values
            if not isinstance(found[name], list | tuple) or len(found[name]) != count:
                raise RecordError(f"packed rows are damaged: {name} has not {count} values")
    if not 0 <= count <= MAX_COUNT:
        raise RecordError(f"packed rows cannot be {count}")
    return [{name: values[i] for name, values in found.items()} for i in range(count)]
