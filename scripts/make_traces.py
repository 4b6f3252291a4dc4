"""Writes the synthetic capacity traces that ship with edgekit; the same bytes every time.

The form is Mahimahi's: one line per 1504-byte segment that may pass, in milliseconds. A rate
follows a random walk in its logarithm within bounds, as the recorded traces of Winstein et al.
(NSDI 2013, Sprout) do; these here are made up, and their network files say so.
"""

from __future__ import annotations

import math
import random
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "toolkit" / "edgekit" / "networks" / "data"
SEGMENT_BITS = 1504 * 8
PERIOD_MS = 30_000


def walk(seed: int, mean_kbit_s: float, *, step: float, spread: float) -> list[float]:
    """A rate for each millisecond, in kbit/s: a walk that is pulled back to its mean."""
    source = random.Random(seed)
    offset, rates = 0.0, []
    for ms in range(PERIOD_MS):
        if ms % 20 == 0:
            offset = offset * 0.97 + source.gauss(0, step)
            offset = max(-spread, min(spread, offset))
        rates.append(mean_kbit_s * math.exp(offset))
    return rates


def with_gaps(rates: list[float], every_ms: int, gap_ms: int) -> list[float]:
    """The rates with nothing at all for a while, again and again."""
    return [0.0 if ms % every_ms < gap_ms else rate for ms, rate in enumerate(rates)]


def moments(rates: list[float]) -> list[int]:
    """When segments may pass."""
    found, credit_bits = [], 0.0
    for ms, kbit_s in enumerate(rates, 1):
        credit_bits += kbit_s
        while credit_bits >= SEGMENT_BITS:
            found.append(ms)
            credit_bits -= SEGMENT_BITS
    if found[-1] != len(rates):
        found.append(len(rates))  # the last line is the period
    return found


TRACES = {
    "lte-drive.up": walk(1, 2500, step=0.18, spread=1.6),
    "lte-drive.down": walk(2, 7000, step=0.18, spread=1.6),
    "satellite-handover.up": with_gaps(walk(3, 3000, step=0.05, spread=0.5), 15_000, 250),
    "satellite-handover.down": with_gaps(walk(4, 7000, step=0.05, spread=0.5), 15_000, 250),
}


def main() -> None:
    """Writes every trace."""
    folder = FOLDER / "traces"
    folder.mkdir(exist_ok=True)
    for name, rates in TRACES.items():
        (folder / name).write_text("\n".join(map(str, moments(rates))) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
