"""Did you mean: the nearest known names for a mistyped one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str], *, limit: int = 3) -> str:
    """Gives a sentence for a hint: near names first, all names when none is near.

    Example:
        >>> did_you_mean("rasberrypi", ["raspberrypi", "jetson-nano"])
        'did you mean raspberrypi?'
    """
    options = sorted(set(known))
    near = difflib.get_close_matches(name.lower(), options, n=limit, cutoff=0.6)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"known: {', '.join(options)}" if options else "none is known"
