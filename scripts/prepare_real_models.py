"""Prepares the real models: ``prepare_real_models.py [NAME...]``; all of them without a name."""

from __future__ import annotations

import sys

from edgekit.core.errors import EdgekitError
from real_models import NAMES, prepare


def main(names: list[str]) -> int:
    """Prints a line for each model."""
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        print(f"error: no model is called {unknown[0]!r}; there are {', '.join(NAMES)}")
        return 2
    for name in names or NAMES:
        try:
            (found,) = prepare([name])
        except EdgekitError as err:
            print(f"error: {name}: {err.message}")
            return err.exit_code
        print(f"{found.name}: {found.model} ({found.about})")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
