"""The ledger: shares of the measured time that add up to it.

Phases are averaged over the invocations around the median (the central tenth), so that they belong
to the same invocations as the total; what no phase explains stays as ``unexplained``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import fsum, hypot, sqrt
from statistics import stdev

from edgekit.core.lag import Basis, Ledger, Share
from edgekit.core.measurement import Measurement
from edgekit.core.mode import Mode
from edgekit.core.network import CloudTrip, NetworkProfile
from edgekit.core.units import NS_PER_MS, format_bytes, format_ms
from edgekit.explain.edge_parts import Parts, edge_parts
from edgekit.explain.evidence import Records

HANDSHAKES = {
    "resolve": "resolving the name",
    "connect": "connecting",
    "tls": "agreeing on keys (TLS)",
}
"""Phases of a request that opens a connection of its own; kept ones have them once per trip."""
CENTRAL = 0.1
"""Part of the invocations that stands for the median."""
NORMAL_95 = 1.96
SLICE_NS = 3_000_000
"""Source: Linux documentation, EEVDF: a task runs for base_slice, 0.75 to 3 ms, before another."""
WORK = (
    "engine-compute", "ideal-compute", "memory-bound", "layout", "dispatch", "engine-inefficiency",
)  # fmt: skip
"""Shares that together are the computing of the engine."""


def edge_ledger(measurement: Measurement, records: Records | None = None) -> Ledger:
    """Where the time of an invocation on the board goes."""
    samples = measurement.samples_ns
    total, chosen = central(samples["total"])
    phases = means_ms(samples, chosen)
    where = f"timed on the board, {len(samples['total'])} invocations"
    waiting_ms, how = _waiting(measurement, phases)
    title = "waiting for a processor"
    waiting = Share(
        "waiting",
        title,
        waiting_ms,
        Basis.DERIVED,
        how,
        *_spread(samples, "infer", chosen, waiting_ms),
    )
    parts = edge_parts(measurement, records or Records(), phases, waiting)
    before = _timed("preprocess", "preparing the input", samples, chosen, where)
    after = _timed("postprocess", "reading the answer", samples, chosen, where)
    shares = [_less(before, parts), *parts.shares, _less(after, parts)]
    subject = f"edge{_stamp(measurement.mode)}"
    ledger = _closed(subject, total, shares, tuple(parts.missing))
    return replace(ledger, inconsistent=tuple(parts.inconsistent))


def _less(share: Share, parts: Parts) -> Share:
    """A timed phase without what losses took from it."""
    taken_ms = share.time_ms - parts.around_ms[share.id]
    if taken_ms <= 0:
        return share
    low, high = share.low_ms, share.high_ms
    return replace(
        share,
        time_ms=share.time_ms - taken_ms,
        basis=Basis.DERIVED,
        evidence=f"{share.evidence}, less {format_ms(taken_ms)} of losses",
        low_ms=None if low is None else max(low - taken_ms, 0.0),
        high_ms=None if high is None else high - taken_ms,
    )


def cloud_ledger(trip: CloudTrip) -> Ledger:
    """Where the time of a request to the endpoint goes."""
    samples = trip.samples_ns
    total, chosen = central(samples["total"])
    phases = means_ms(samples, chosen)
    client = f"timed at the client, {len(samples['total'])} requests"
    shares = [_timed("encode", "encoding the request", samples, chosen, client)]
    for name, title in HANDSHAKES.items():
        if name in phases:
            shares.append(_timed(name, title, samples, chosen, client))
    missing: list[tuple[str, str]] = []
    titles = {
        "server_preprocess": "preparing on the server",
        "server_queue": "queue on the server",
        "server_batch_wait": "waiting for a fuller batch",
        "server_compute": "computing on the server",
        "server_encode": "encoding the answer",
    }
    for name, title in titles.items():
        key = name.replace("_", "-")
        if name in phases:
            told = "told by the server in each answer"
            shares.append(_timed(key, title, samples, chosen, told, name=name))
        elif name != "server_batch_wait":
            missing.append((key, "the server does not tell"))
    shares += _network_shares(trip, chosen, missing)
    shares.append(_timed("decode", "decoding the answer", samples, chosen, client))
    where = f"over {trip.network.id}" if trip.network else f"at {trip.endpoint}"
    return _closed(f"cloud {where}{_stamp(trip.mode)}", total, shares, tuple(missing))


Chosen = tuple[tuple[int, float], ...]
"""Positions of invocations with their weights, which sum to 1."""


def central(total_ns: Sequence[int]) -> tuple[float, Chosen]:
    """The median in milliseconds, and the invocations that stand for it.

    They are the nearest by rank, weighted so that the mean of their totals is the median exactly:
    where a run moved between two levels, the phases are those of the mixture that the median is.
    """
    order = sorted(range(len(total_ns)), key=lambda i: total_ns[i])
    count = len(order)
    middle = count // 2
    odd = count % 2
    median_ns = (
        float(total_ns[order[middle]])
        if odd
        else (total_ns[order[middle - 1]] + total_ns[order[middle]]) / 2
    )
    reach = max(int(count * CENTRAL / 2), 1)
    below = order[max(middle + odd - reach, 0) : middle + odd]
    above = order[middle : middle + reach]
    low, high = (fsum(total_ns[i] for i in side) / len(side) for side in (below, above))
    part = (median_ns - low) / (high - low) if high > low else 0.5
    weights: dict[int, float] = {}
    for side, weight in ((below, 1 - part), (above, part)):
        for i in side:
            weights[i] = weights.get(i, 0.0) + weight / len(side)
    return median_ns / NS_PER_MS, tuple(weights.items())


def means_ms(samples_ns: Mapping[str, Sequence[int]], chosen: Chosen) -> dict[str, float]:
    """The mean of each phase over the chosen invocations, in milliseconds."""
    return {
        name: fsum(values[i] * weight for i, weight in chosen) / NS_PER_MS
        for name, values in samples_ns.items()
    }


def _waiting(measurement: Measurement, phases: Mapping[str, float]) -> tuple[float, str]:
    """Time inside the inference during which the process had no processor."""
    if "cpu" in phases:
        spent = max(phases["infer"] - phases["cpu"], 0.0)
        return spent, "wall time less processor time of the one thread, per invocation"
    if isinstance(measurement.wait_ns, int):
        infer_ns = measurement.samples_ns["infer"]
        threads = max(measurement.options.threads, 1)
        spent = waited_ms(phases["infer"], infer_ns, measurement.wait_ns / threads)
        how = (
            f"run-queue time of the process over {len(infer_ns)} invocations and {threads} threads"
        )
        return spent, f"{how}, by how far each was from the quickest"
    return 0.0, f"not known: {measurement.wait_ns.reason}"


def waited_ms(infer_ms: float, infer_ns: Sequence[int], waited_ns: float) -> float:
    """How much of an inference of ``infer_ms`` was waiting, when all together waited ``waited_ns``.

    Waiting is laid on the invocations in proportion to their time over the quickest one, because a
    few may have waited long while those around the median did not; what exceeds that time was
    shared by all, the quickest included, if even that one was longer than a slice of the scheduler:
    a shorter one fits between two waits, and then threads waited that nobody waited for.
    """
    quickest_ns = min(infer_ns)
    excess_ns = fsum(value - quickest_ns for value in infer_ns)
    own_ms = max(infer_ms - quickest_ns / NS_PER_MS, 0.0)
    if waited_ns <= excess_ns or quickest_ns < SLICE_NS:
        return own_ms * min(waited_ns / excess_ns, 1.0) if excess_ns else 0.0
    return min(own_ms + (waited_ns - excess_ns) / len(infer_ns) / NS_PER_MS, infer_ms)


def _network_shares(
    trip: CloudTrip, chosen: Chosen, missing: list[tuple[str, str]]
) -> list[Share]:
    network = trip.network
    up_bytes = fsum(trip.up_bytes[i] * weight for i, weight in chosen)
    down_bytes = fsum(trip.down_bytes[i] * weight for i, weight in chosen)
    if network is None:
        connect_ms, evidence = _handshake_ms(trip, chosen)
        missing += [
            ("transfer-up", "the rate of the real network is not known"),
            ("transfer-down", "the rate of the real network is not known"),
        ]
        title = "distance (round trip)"
        return [Share("network-rtt", title, connect_ms, Basis.DERIVED, evidence)]
    return [
        _transfer("transfer-up", "sending the request", up_bytes, network, up=True),
        Share(
            "network-rtt",
            "distance (round trip)",
            network.rtt_ms,
            Basis.DERIVED,
            f"the link delays every request by {format_ms(network.rtt_ms)}",
        ),
        _transfer("transfer-down", "receiving the answer", down_bytes, network, up=False),
    ]


def _handshake_ms(trip: CloudTrip, chosen: Chosen) -> tuple[float, str]:
    """The round trip of a real network, from one handshake that may have been a slow one."""
    handshake_ms = trip.once_ns.get("connect", 0) / NS_PER_MS
    evidence = f"one TCP handshake took {format_ms(handshake_ms)}"
    phases = means_ms(trip.samples_ns, chosen)
    served = fsum(value for name, value in phases.items() if name.startswith("server_"))
    longest = max(phases["round_trip"] - served, 0.0)
    if handshake_ms > longest:
        evidence += f", but requests were away from the server for {format_ms(longest)} only"
    return min(handshake_ms, longest), evidence


def _transfer(
    name: str, title: str, size_bytes: float, network: NetworkProfile, *, up: bool
) -> Share:
    kbit_s = network.up_kbit_s if up else network.down_kbit_s
    time_ms = size_bytes * 8 / kbit_s if kbit_s else 0.0
    changes = " on average" if (network.up_trace if up else network.down_trace) else ""
    rate = f"{kbit_s / 1e3:.4g} Mbit/s{changes}" if kbit_s else "an unlimited rate"
    return Share(name, title, time_ms, Basis.DERIVED, f"{format_bytes(size_bytes)} at {rate}")


def _stamp(mode: Mode) -> str:
    """How a figure came about, where it was not simply measured."""
    return "" if mode is Mode.MEASURED else f" [{mode.value}]"


def _timed(
    share: str,
    title: str,
    samples_ns: Mapping[str, Sequence[int]],
    chosen: Chosen,
    evidence: str,
    *,
    name: str = "",
) -> Share:
    """A phase that was timed, with the interval of its mean around the median."""
    phase = name or share
    mean_ms = fsum(samples_ns[phase][i] * weight for i, weight in chosen) / NS_PER_MS
    low_ms, high_ms = _spread(samples_ns, phase, chosen, mean_ms)
    return Share(share, title, mean_ms, Basis.MEASURED, evidence, low_ms, high_ms)


def _spread(
    samples_ns: Mapping[str, Sequence[int]], phase: str, chosen: Chosen, mean_ms: float
) -> tuple[float | None, float | None]:
    """The 95 % interval around a mean over the chosen invocations; none for a single one."""
    if len(chosen) < 2:
        return None, None
    values = [samples_ns[phase][i] / NS_PER_MS for i, _ in chosen]
    half_ms = NORMAL_95 * stdev(values) / sqrt(len(values))
    return max(mean_ms - half_ms, 0.0), mean_ms + half_ms


def _closed(
    subject: str, total_ms: float, shares: list[Share], missing: tuple[tuple[str, str], ...]
) -> Ledger:
    """The ledger with its remainder, which may be slightly negative where shares are derived."""
    rest = total_ms - fsum(share.time_ms for share in shares)
    halves = [
        (share.high_ms - share.low_ms) / 2
        for share in shares
        if share.low_ms is not None and share.high_ms is not None
    ]
    half = hypot(*halves)
    remainder = Share(
        "unexplained",
        "not explained",
        rest,
        Basis.DERIVED,
        "the median less all other shares"
        + (": protocol, serialization, scheduling" if subject.startswith("cloud") else ""),
        rest - half,
        rest + half,
    )
    return Ledger(subject, total_ms, (*shares, remainder), missing)


def share_of(ledger: Ledger, *names: str) -> float:
    """Part of the total that the named shares make up, 0..1."""
    if ledger.total_ms <= 0:
        return 0.0
    return fsum(s.time_ms for s in ledger.shares if s.id in names) / ledger.total_ms


def time_of(ledger: Ledger, *names: str) -> float:
    """Milliseconds that the named shares make up."""
    return fsum(s.time_ms for s in ledger.shares if s.id in names)


def compute_ms(ledger: Ledger) -> float:
    """Milliseconds of the engine's computing."""
    return time_of(ledger, *WORK)
