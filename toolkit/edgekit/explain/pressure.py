"""Running totals of the kernel as shares of the run. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.core.measurement import Condition
from edgekit.core.record import Unavailable

TICKS_PER_S = 100
"""USER_HZ of Linux, the unit of /proc/stat."""


def pressure_share(conditions: Sequence[Condition], name: str) -> float | Unavailable:
    """Share of the run in which some task waited, by a ``…_pressure_us`` of the conditions."""
    return _share(conditions, name, 1e3)


def stolen_share(conditions: Sequence[Condition]) -> float | Unavailable:
    """Processors that a hypervisor took away, in shares of one."""
    return _share(conditions, "steal_ticks", 1e9 / TICKS_PER_S)


def _share(conditions: Sequence[Condition], name: str, unit_ns: float) -> float | Unavailable:
    rows = [(c.at_ns, value) for c in conditions if (value := getattr(c, name)) is not None]
    if len(rows) < 2 or rows[-1][0] <= rows[0][0]:
        return Unavailable(f"the board shows no {name.rpartition('_')[0].replace('_', ' ')}")
    return float((rows[-1][1] - rows[0][1]) * unit_ns / (rows[-1][0] - rows[0][0]))
