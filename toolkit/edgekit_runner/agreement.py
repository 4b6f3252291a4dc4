"""How near outputs come to the expected ones: largest difference, cosine, SNR, top-1, per output."""

from __future__ import annotations

import math
from typing import Any, Dict, List, Optional

MOST_SNR_DB = 200.0
"""Shown for outputs that are the same to the last bit."""


class Agreement:
    """Adds up one output over all samples."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.samples = self.same_top = 0
        self.max_abs = 0.0
        self.cosine = 1.0
        self.signal = self.noise = 0.0
        self.has_classes = True

    def add(self, got: Any, wanted: Any) -> None:  # Any: numpy arrays of real values
        """Takes one sample; the cosine kept is the lowest."""
        import numpy

        a = numpy.asarray(got, dtype=numpy.float64).ravel()
        b = numpy.asarray(wanted, dtype=numpy.float64).ravel()
        self.samples += 1
        self.has_classes = self.has_classes and a.size > 1
        if not a.size:
            return
        difference = a - b
        if not numpy.isfinite(difference).all():
            self.max_abs, self.cosine, self.noise = math.inf, -1.0, math.inf
            return
        self.max_abs = max(self.max_abs, float(numpy.abs(difference).max()))
        self.signal += float((b * b).sum())
        self.noise += float((difference * difference).sum())
        norms = float(numpy.linalg.norm(a) * numpy.linalg.norm(b))
        if norms:
            self.cosine = min(self.cosine, float(a @ b) / norms)
        elif self.noise:
            self.cosine = min(self.cosine, 0.0)
        self.same_top += int(a.argmax() == b.argmax())

    @property
    def snr_db(self) -> float:
        """Signal to noise over all samples, in decibels."""
        if not self.noise:
            return MOST_SNR_DB
        if not self.signal or self.noise == math.inf:
            return -MOST_SNR_DB
        return min(10 * math.log10(self.signal / self.noise), MOST_SNR_DB)

    def told(self) -> Dict[str, Any]:  # Any: JSON
        """The event's fields; infinite differences as the largest number of JSON."""
        top1: Optional[float] = None
        if self.has_classes and self.samples:
            top1 = self.same_top / self.samples
        return {
            "name": self.name,
            "samples": self.samples,
            "max_abs": self.max_abs if self.max_abs != math.inf else 1e308,
            "cosine": self.cosine,
            "snr_db": round(self.snr_db, 3),
            "top1": top1,
        }


def worst(agreements: List[Agreement]) -> float:
    """The largest difference over all outputs."""
    return max((agreement.max_abs for agreement in agreements), default=0.0)
