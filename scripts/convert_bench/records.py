"""What is made, judged and timed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

OURS = "edgekit"
STATIC = "int8-static"


@dataclass(frozen=True)
class Made:
    """An artifact, or why there is none."""

    tool: str
    engine: str
    recipe: str
    model: Path | None
    size_bytes: int = 0
    elapsed_s: float = 0.0
    """From the float model (peers) or the source (edgekit), in a process of its own."""
    unchecked_s: float = 0.0
    """edgekit only: until its checks against the original begin."""
    float_size_bytes: int = 0
    error: str = ""

    @property
    def label(self) -> str:
        """How tables call it."""
        return f"{self.tool} {self.recipe}"


@dataclass(frozen=True)
class Judged:
    """An artifact with its figures."""

    made: Made
    quality: float = 0.0
    """Of the model's metric, 0..1."""
    deviation: float = 0.0
    right: tuple[bool, ...] = ()
    """Per sample, what the quality is the share of."""
    medians_ns: tuple[int, ...] = ()
    """One per round."""
    error: str = ""

    @property
    def is_usable(self) -> bool:
        """True when it could be judged and timed."""
        return not self.error and bool(self.medians_ns)

    @property
    def latency_ms(self) -> float:
        """Median over the rounds."""
        ordered = sorted(self.medians_ns)
        return ordered[len(ordered) // 2] / 1e6
