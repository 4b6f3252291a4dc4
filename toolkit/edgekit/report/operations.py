"""Where an inference spends its time: by type of operation, and operation by operation."""

from __future__ import annotations

from edgekit.core.operations import OperationProfile
from edgekit.core.units import format_ms
from edgekit.report.section import Section


def types_section(profile: OperationProfile) -> Section:
    """One row per type, the longest first, and what lies in no operation."""
    types = profile.by_type()
    rows = [
        (name, str(count), format_ms(spent_ms), f"{share:.1%}")
        for name, count, spent_ms, share in types
    ]
    values: list[tuple[float | None, ...]] = [
        (None, count, spent_ms, share) for _, count, spent_ms, share in types
    ]
    outside = profile.outside_ms / profile.unprofiled_ms if profile.unprofiled_ms else 0.0
    rows.append(("(in no operation)", "", format_ms(profile.outside_ms), f"{outside:.1%}"))
    values.append((None, None, profile.outside_ms, outside))
    notes = (
        f"{profile.engine} {profile.engine_version}, {profile.threads} threads "
        f"[{profile.mode.value}]: {profile.method}",
        f"the profiled inference took {profile.inflation:.2f} x; times are scaled back to "
        f"{format_ms(profile.unprofiled_ms)}",
    )
    headers = ("type", "count", "time", "share")
    title = "Where the inference goes"
    return Section(title, headers, tuple(rows), notes, values=tuple(values))


def operations_section(profile: OperationProfile) -> Section:
    """Every operation, in the order of execution."""
    rows = tuple(
        (str(i), o.name, o.type, o.where, format_ms(o.time_ms), f"{o.share:.1%}")
        for i, o in enumerate(profile.operations)
    )
    values: tuple[tuple[float | None, ...], ...] = tuple(
        (i, None, None, None, o.time_ms, o.share) for i, o in enumerate(profile.operations)
    )
    headers = ("order", "operation", "type", "where", "time", "share")
    return Section("Every operation", headers, rows, values=values)
