"""Weights that are no numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy

from edgekit.core.errors import UnsupportedModel

MOST_NAMED = 5


def require_numbers(named: Iterable[tuple[str, Any]]) -> None:  # Any: arrays
    """No weight is NaN; infinity may be, as a mask.

    Raises:
        UnsupportedModel: weights are; they are named with how many of their values.
    """
    broken = []
    for name, values in named:
        count = int(numpy.isnan(values).sum()) if values.dtype.kind == "f" else 0
        if count:
            broken.append(f"{name} ({count} of {values.size})")
    if broken:
        more = f" and {len(broken) - MOST_NAMED} more" if len(broken) > MOST_NAMED else ""
        raise UnsupportedModel(
            f"{len(broken)} weights of the model hold NaN: {', '.join(broken[:MOST_NAMED])}{more}",
            hint="the training diverged, or the file is damaged: export an earlier checkpoint",
        )
