"""Operations of a model in words."""

from __future__ import annotations

from collections.abc import Mapping


def listed(counts: Mapping[str, int]) -> str:
    """All of them with how often they occur, the most frequent first.

    Example:
        >>> listed({"Det": 1, "If": 2})
        '2 operations of the model: If (2 times), Det'
    """
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    names = ", ".join(f"{name} ({n} times)" if n > 1 else name for name, n in ordered)
    return f"{len(counts)} operation{'s' if len(counts) > 1 else ''} of the model: {names}"
