"""Figures to verdicts and tables; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

from benchmark_page import table
from convert_bench.records import OURS, Judged
from edgekit.core.units import format_bytes

LARGEST_RATIO = 1.05
"""Latency and size against the best peer. Source: the project's target for conversions."""
WORTHWHILE_POINTS = 1.0
"""A peer's artifact counts when its quality is at most this far below the best peer's."""
SMALLEST_LOSS = 0.05
"""Two-sided: a difference between two artifacts that is likelier than this is noise."""


@dataclass(frozen=True)
class Verdict:
    """Ours against the best peer of each figure, on one engine."""

    ours: Judged
    best_quality: Judged
    quality_chance: float
    """How likely such a difference in quality is between equals (McNemar, exact)."""
    latency_ratio: float
    size_ratio: float
    dominated_by: str
    """A peer's artifact that is no worse in any figure and better in one; empty when there is none."""

    @property
    def quality_holds(self) -> bool:
        """True when ours is no worse than the best peer's, or the difference is noise."""
        is_lower = self.ours.quality < self.best_quality.quality
        return not is_lower or self.quality_chance >= SMALLEST_LOSS

    @property
    def misses(self) -> tuple[str, ...]:
        """The targets that are missed."""
        found = []
        if not self.quality_holds:
            points = (self.best_quality.quality - self.ours.quality) * 100
            found.append(f"quality {points:.2f} points below {self.best_quality.made.label}")
        if self.latency_ratio > LARGEST_RATIO:
            found.append(f"latency {self.latency_ratio:.2f} x the best")
        if self.size_ratio > LARGEST_RATIO:
            found.append(f"size {self.size_ratio:.2f} x the best")
        return tuple(found)


def judge(ours: Judged, peers: Sequence[Judged]) -> Verdict | None:
    """The verdict on one engine; None when no peer made anything that runs."""
    usable = [peer for peer in peers if peer.is_usable]
    if not usable or not ours.is_usable:
        return None
    best = max(usable, key=lambda p: (p.quality, -p.latency_ms))
    worthwhile = [p for p in usable if (best.quality - p.quality) * 100 <= WORTHWHILE_POINTS]
    dominating = [
        peer.made.label
        for peer in usable
        if _no_worse(peer, ours) and is_distinctly_better(peer, ours)
    ]
    return Verdict(
        ours=ours,
        best_quality=best,
        quality_chance=chance_of_difference(ours.right, best.right),
        latency_ratio=ours.latency_ms / min(p.latency_ms for p in worthwhile),
        size_ratio=ours.made.size_bytes / min(p.made.size_bytes for p in worthwhile),
        dominated_by=", ".join(dominating),
    )


def _no_worse(peer: Judged, ours: Judged) -> bool:
    return (
        peer.quality >= ours.quality
        and peer.latency_ms <= ours.latency_ms
        and peer.made.size_bytes <= ours.made.size_bytes
    )


def is_distinctly_better(peer: Judged, ours: Judged) -> bool:
    """Better in a figure by more than the allowance, or in quality by more than noise."""
    surer = chance_of_difference(ours.right, peer.right) < SMALLEST_LOSS
    return (
        (peer.quality > ours.quality and surer)
        or peer.latency_ms * LARGEST_RATIO < ours.latency_ms
        or peer.made.size_bytes * LARGEST_RATIO < ours.made.size_bytes
    )


def chance_of_difference(first: Sequence[bool], second: Sequence[bool]) -> float:
    """Two-sided exact McNemar test over samples on which exactly one is right.

    Source: McNemar, Psychometrika 12 (1947) 153-157, in its exact binomial form.
    """
    only_first = sum(a and not b for a, b in zip(first, second, strict=True))
    only_second = sum(b and not a for a, b in zip(first, second, strict=True))
    count, fewer = only_first + only_second, min(only_first, only_second)
    if count == 0:
        return 1.0
    tail = float(sum(comb(count, k) for k in range(fewer + 1)) / 2**count)
    return min(1.0, 2 * tail)


def detail_table(ours: Judged, peers: Sequence[Judged]) -> str:
    """Every artifact of one engine."""
    rows = []
    base = ours.latency_ms if ours.is_usable else 0.0
    for item in (ours, *peers):
        made = item.made
        if item.error or not made.model:
            reason = " ".join((made.error or item.error).split()).replace("|", "/")[:140]
            rows.append([made.label, "-", f"fails: {reason}", "-", "-", "-"])
            continue
        ratio = f" ({item.latency_ms / base:.2f} x)" if base and made.tool != OURS else ""
        rows.append(
            [
                made.label,
                format_bytes(made.size_bytes),
                f"{item.quality:.2%}",
                f"{item.deviation:.3g}",
                f"{item.latency_ms:.3g} ms{ratio}",
                f"{made.elapsed_s:.1f} s",
            ]
        )
    heads = ["made by", "size", "quality", "largest deviation", "latency", "made in"]
    return table(heads, rows)


def row_without_verdict(
    model: str, engine: str, ours: Judged, peers: Sequence[Judged]
) -> list[str]:
    """One line of the summary where there is nothing to compare: one side, or both, have none."""
    able = [peer.made.label for peer in peers if peer.is_usable]
    if ours.is_usable:
        quality = f"{ours.quality:.2%} / -"
        return [model, engine, ours.made.recipe, quality, "-", "-", "no peer's runs", "none"]
    if not able:
        return [model, engine, "-", "-", "-", "-", "nobody has one that runs", "none"]
    return [model, engine, "-", "-", "-", "-", "edgekit has none", ", ".join(able)]


def summary_row(model: str, engine: str, verdict: Verdict) -> list[str]:
    """One line of the summary."""
    ours, best = verdict.ours, verdict.best_quality
    noise = ""
    if ours.quality < best.quality and verdict.quality_holds:
        noise = f" (noise, p = {verdict.quality_chance:.2f})"
    return [
        model,
        engine,
        ours.made.recipe,
        f"{ours.quality:.2%} / {best.quality:.2%}{noise}",
        f"{verdict.latency_ratio:.2f} x",
        f"{verdict.size_ratio:.2f} x",
        "; ".join(verdict.misses) or "all targets met",
        verdict.dominated_by or "none",
    ]
