"""Ranges of activations for quantization: from the values' distribution to a lowest and highest.

Two passes over the samples keep memory flat: the first finds minimum and maximum, the second
counts into a histogram between them.
"""

from __future__ import annotations

from typing import Any

import numpy

BINS = 2048
LEVELS = 255
PERCENTILE = 99.99
"""Source: onnxruntime.quantization's percentile calibrator and NNCF's quantile estimator cut
0.01 % and less; the usual choice in "Integer quantization for deep learning inference",
arXiv 2004.09602."""
CANDIDATES = 40
NARROWEST = 0.3
"""Search ends at this share of the full range; a narrower one clips the signal itself."""


class Histogram:
    """How often values occur between a lowest and a highest."""

    def __init__(self, low: float, high: float) -> None:
        # zero must be representable: padding and ReLU produce it exactly
        self.low, self.high = min(low, 0.0), max(high, 0.0)
        self.counts = numpy.zeros(BINS, dtype=numpy.int64)

    def add(self, values: Any) -> None:  # Any: an array
        """Counts values; those outside fall into the outer bins."""
        if self.high > self.low:
            flat = numpy.clip(numpy.ravel(values), self.low, self.high)
            self.counts += numpy.histogram(flat, BINS, (self.low, self.high))[0]

    def range(self, method: str) -> tuple[float, float]:
        """Lowest and highest value to represent.

        Args:
            method: min-max, percentile, mse or entropy.
        """
        if method == "min-max" or not self.counts.any() or self.high <= self.low:
            return self.low, self.high
        if method == "percentile":
            return self._percentile()
        cost = {"mse": self._square_error, "entropy": self._information_loss}[method]
        return self._search(cost)

    @property
    def _centers(self) -> Any:
        width = (self.high - self.low) / BINS
        return self.low + width * (numpy.arange(BINS) + 0.5)

    def _percentile(self) -> tuple[float, float]:
        share = numpy.cumsum(self.counts) / self.counts.sum()
        tail = (100 - PERCENTILE) / 200
        edges = numpy.linspace(self.low, self.high, BINS + 1)
        low = float(edges[numpy.searchsorted(share, tail, side="right")])
        high = float(edges[numpy.searchsorted(share, 1 - tail) + 1])
        return min(low, 0.0), max(high, 0.0)

    # Any: a function of low and high
    def _search(self, cost: Any) -> tuple[float, float]:
        """The cheapest of ranges narrowed on both sides together, then on each side."""
        shares = numpy.linspace(NARROWEST, 1.0, CANDIDATES)
        both = [(self.low * share, self.high * share) for share in shares]
        low, high = min(both, key=lambda r: cost(*r))
        low, high = min([(self.low * s, high) for s in shares], key=lambda r: cost(*r))
        return min([(low, self.high * s) for s in shares], key=lambda r: cost(*r))

    def _without_zeros(self) -> Any:
        """Counts without the spike that a ReLU leaves at zero, which every range represents."""
        counts = self.counts.astype(numpy.float64)
        zero = min(int(-self.low / (self.high - self.low) * BINS), BINS - 1)
        beside = counts[[i for i in (zero - 1, zero + 1) if 0 <= i < BINS]]
        counts[zero] = beside.max()
        return counts

    def _square_error(self, low: float, high: float) -> float:
        scale = (high - low) / LEVELS
        if scale <= 0:
            return float("inf")
        centers = self._centers
        clipped = numpy.clip(centers, low, high)
        stored = low + numpy.round((clipped - low) / scale) * scale
        return float((self.counts * (centers - stored) ** 2).sum())

    def _information_loss(self, low: float, high: float) -> float:
        """Kullback-Leibler divergence of the quantized distribution from the clipped one."""
        centers = self._centers
        inside = (centers >= low) & (centers <= high)
        if inside.sum() < LEVELS:
            return float("inf")
        counts = self._without_zeros()
        kept = counts[inside]
        clipped = kept.copy()
        first, last = numpy.flatnonzero(inside)[[0, -1]]
        clipped[0] += counts[:first].sum()
        clipped[-1] += counts[last + 1 :].sum()
        groups = numpy.arange(len(kept)) * LEVELS // len(kept)
        occupied = kept > 0
        sums = numpy.bincount(groups, kept, LEVELS)
        members = numpy.bincount(groups, occupied, LEVELS)
        level = numpy.divide(sums, members, out=numpy.zeros(LEVELS), where=members > 0)
        coarse = numpy.where(occupied, level[groups], 0.0)
        p = clipped / clipped.sum()
        q = (coarse + 1e-9) / (coarse + 1e-9).sum()
        there = p > 0
        return float((p[there] * numpy.log(p[there] / q[there])).sum())
