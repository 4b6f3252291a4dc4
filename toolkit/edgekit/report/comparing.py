"""Edge against cloud as sections of a report."""

from __future__ import annotations

from collections.abc import Iterator

from edgekit.core.comparison import AtQuantile, Comparison, Cost, EdgeEnergy, NetworkVerdict
from edgekit.core.estimate import Estimate
from edgekit.core.record import Unavailable
from edgekit.core.units import format_bytes, format_ms
from edgekit.report.section import Section, show_estimate, show_value

QUANTILES = ("p50", "p95", "p99")
FEWEST_ROUNDS = 3


def comparison_sections(comparison: Comparison) -> Iterator[Section]:
    """The verdicts; then what would change them."""
    yield _verdicts(comparison)
    yield _break_evens(comparison)


def _verdicts(comparison: Comparison) -> Section:
    rows = tuple(
        (
            _name(item),
            show_estimate(comparison.edge_ms["p50"]),
            show_estimate(item.p50.cloud_ms),
            show_value(comparison.edge_ms["p95"]),
            _cloud(item, "p95"),
            show_estimate(item.p50.difference_ms),
            f"{item.p50.ratio.value:.3g} x",
            " / ".join(_verdict(item, name) for name in QUANTILES),
        )
        for item in comparison.networks
    )
    is_emulated = any(item.network is not None for item in comparison.networks)
    headers = (
        "network",
        f"edge p50 [{comparison.edge_mode.value}]",
        f"cloud p50 [{'emulated' if is_emulated else 'measured'} network]",
        "edge p95",
        "cloud p95",
        "cloud - edge, p50",
        "ratio",
        "faster at p50 / p95 / p99",
    )
    machine = f"edge: {comparison.board}, {comparison.edge_machine} [{comparison.edge_mode.value}]"
    notes = [machine, *comparison.notes]
    if not isinstance(comparison.edge_accuracy, Unavailable) and not isinstance(
        comparison.cloud_accuracy, Unavailable
    ):
        edge, cloud = comparison.edge_accuracy, comparison.cloud_accuracy
        notes.append(f"accuracy: edge {edge:.2%}, cloud {cloud:.2%}")
    if isinstance(comparison.energy, EdgeEnergy):
        energy = comparison.energy
        notes.append(
            f"energy of an inference on the edge: {energy.per_inference_mj:.3g} mJ "
            f"[{energy.basis.value}] ({energy.how})"
        )
    if isinstance(comparison.cost, Cost):
        notes.append(_cost(comparison.cost))
    counts = [len(item.rounds) for item in comparison.networks]
    if max(counts) >= FEWEST_ROUNDS:
        notes.append(
            f"measured in turn, {max(counts)} rounds: cloud - edge and ratio at p50 are those of "
            "the rounds"
        )
    notes.append("brackets: 95 % confidence; -: too few samples to tell")
    return Section("Edge or cloud", headers, rows, tuple(notes), "latency")


def _break_evens(comparison: Comparison) -> Section:
    rows = tuple(
        (
            _name(item),
            _rtt(item.break_even.rtt_ms),
            _rate(item.break_even.up_kbit_s),
            _checked(item.break_even.ratio_at_rtt),
            _what_ifs(item),
            f"{item.availability.edge_missed_share:.2%}",
            f"{item.availability.cloud_missed_share:.2%}",
        )
        for item in comparison.networks
    )
    headers = (
        "network",
        "break-even RTT",
        "break-even uplink",
        "cloud / edge there",
        "if sent as [predicted]",
        "edge missed",
        "cloud missed",
    )
    deadline = comparison.networks[0].availability.deadline_ms
    missed = "lost" if deadline is None else f"lost, or later than {format_ms(deadline)}"
    notes = (
        "break-even: both medians are equal there, all else staying as it is",
        f"missed: requests {missed}",
    )
    return Section("What would change it", headers, rows, notes, "break-even")


def _name(item: NetworkVerdict) -> str:
    if item.network is None:
        return "direct"
    return f"{item.network.id} (RTT {format_ms(item.network.rtt_ms)})"


def _cloud(item: NetworkVerdict, name: str) -> str:
    found = item.quantiles[name]
    return show_value(found.cloud_ms if isinstance(found, AtQuantile) else found)


def _verdict(item: NetworkVerdict, name: str) -> str:
    found = item.quantiles[name]
    return found.verdict.value if isinstance(found, AtQuantile) else "-"


def _rtt(value: float | Unavailable) -> str:
    if isinstance(value, Unavailable):
        return "-"
    return format_ms(value) if value > 0 else "none: edge at any"


def _rate(value: float | Unavailable) -> str:
    if isinstance(value, Unavailable):
        return "none: edge at any" if "at any rate" in value.reason else "-"
    return f"{value / 1e3:.3g} Mbit/s"


def _checked(ratio: Estimate | Unavailable) -> str:
    return "-" if isinstance(ratio, Unavailable) else f"{ratio.value:.3f}"


def _what_ifs(item: NetworkVerdict) -> str:
    return "; ".join(
        f"{other.payload} ({format_bytes(other.up_bytes)}): {format_ms(other.cloud_p50_ms)}, "
        f"{other.verdict.value}"
        for other in item.what_if
    )


def _cost(cost: Cost) -> str:
    parts = []
    if not isinstance(cost.edge_energy_kwh, Unavailable):
        parts.append(f"edge {cost.edge_energy_kwh:.3g} kWh")
    if not isinstance(cost.edge_price, Unavailable):
        parts.append(f"edge {cost.edge_price:.3g} {cost.currency}")
    if not isinstance(cost.cloud_price, Unavailable):
        parts.append(f"cloud {cost.cloud_price:.3g} {cost.currency}")
    return f"a million inferences: {', '.join(parts)} [derived from the prices given]"
