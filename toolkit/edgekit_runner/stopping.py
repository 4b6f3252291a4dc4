"""When enough was measured: the interval of each wanted percentile is as narrow as asked.

The rule looks between invocations, never inside one, and only now and then (loops.py), so it costs
the samples nothing. It decides by the very intervals that the host reports (quantiles.py).

Source: Hoefler & Belli, "Scientific benchmarking of parallel computing systems", SC'15, rule 5 and
section 4.2 (number of measurements from the confidence interval).
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional, Sequence

from .quantiles import bounds

StopRule = Callable[[Sequence[int]], str]
"""Gets the times so far in ns, says why they are enough, or nothing."""

WIDTHS = (("p50", 0.5, "width_p50"), ("p95", 0.95, "width_p95"))
"""Percentile, its quantile, and the request's key for its widest half interval, as a share."""


def make_rule(request: Dict[str, Any]) -> Optional[StopRule]:  # Any: JSON
    """The rule that the request asks for, or None."""
    targets = [
        (name, q, float(request[key])) for name, q, key in WIDTHS if float(request.get(key) or 0)
    ]
    if not targets:
        return None

    def rule(values: Sequence[int]) -> str:
        ordered = sorted(values)
        found = []
        for name, q, widest in targets:
            width = half_width(values, q, ordered)
            if width is None or width > widest:
                return ""
            found.append("%s to %.2g %%" % (name, 100 * width))
        return "the precision was reached: " + ", ".join(found)

    return rule


def half_width(values: Sequence[int], q: float, ordered: Sequence[int]) -> Optional[float]:
    """Half of the 95 % interval of the q-quantile, as a share of it; None when it has none."""
    found = bounds(values, q, ordered=ordered)
    if found is None or found.value <= 0:
        return None
    return (found.high - found.low) / 2 / found.value
