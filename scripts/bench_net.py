"""How near the shaping link comes to what it is asked for: round trips and rates over a grid."""

from __future__ import annotations

import statistics
import sys

from benchmark_page import table, write_section
from edgekit.core.network import NetworkProfile
from edgekit.networks.link_check import check_link

ROUND_TRIPS_MS = (5.0, 20.0, 70.0, 150.0, 300.0)
RATES_KBIT_S = (200.0, 1_000.0, 10_000.0, 100_000.0)
ROUNDS = 3
GOAL_SHARE = 0.02
GOAL_MS = 0.5


def main() -> int:
    """Measures every point of the grid and writes the section; 1 when one misses the goal."""
    rows, misses = [], 0
    for rtt_ms in ROUND_TRIPS_MS:
        for kbit_s in RATES_KBIT_S:
            network = NetworkProfile("grid", "Grid", rtt_ms, 0.0, kbit_s, kbit_s, "the grid")
            found = [check_link(network) for _ in range(ROUNDS)]
            # a byte of payload takes its own time at low rates
            rtt = statistics.median(f.rtt_ms for f in found) - 5 * 8 / kbit_s
            rates = [
                statistics.median(getattr(f, name) for f in found) / kbit_s - 1
                for name in ("up_kbit_s", "down_kbit_s")
            ]
            is_met = abs(rtt - rtt_ms) <= max(GOAL_MS, GOAL_SHARE * rtt_ms) and all(
                abs(r) <= GOAL_SHARE for r in rates
            )
            misses += not is_met
            cells = [f"{rtt_ms:g} ms", f"{kbit_s / 1e3:g} Mbit/s", f"{rtt - rtt_ms:+.2f} ms"]
            rows.append([*cells, *(f"{r:+.2%}" for r in rates), "yes" if is_met else "no"])
            print("  ".join(rows[-1]), file=sys.stderr, flush=True)
    heads = ["round trip", "rate", "added to the round trip", "up", "down", "within the goal"]
    intro = (
        "The shaping link against the profile it was given: median of "
        f"{ROUNDS} rounds, ping-pong of one byte and bulk transfers of about 1.5 s. Goal: the round "
        "trip within 0.5 ms or 2 %, the rates within 2 %."
    )
    outcome = f"{len(rows) - misses} of {len(rows)} points are within the goal."
    write_section("net", "Shaping link", f"{intro}\n\n{table(heads, rows)}\n\n{outcome}")
    return int(misses > 0)


if __name__ == "__main__":
    sys.exit(main())
