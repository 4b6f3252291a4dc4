"""A budget that was judged: what was asked for, and what was seen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Gate:
    """One condition that must not hold."""

    text: str
    """As it was typed: edge.p95>20ms."""
    seen: str
    """What was seen, in words."""
    is_kept: bool
    """False where the condition holds, or where what it asks for is not known."""
