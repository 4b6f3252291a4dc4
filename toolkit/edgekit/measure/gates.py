"""Conditions that fail a command: ``--fail-if 'edge.p95>20ms'``. Pure.

``SIDE.FIGURE OPERATOR VALUE``: SIDE is edge, cloud (any network), cloud:NETWORK, or ratio (cloud
divided by edge); FIGURE is p50, p95, p99, missed (share of requests lost or late) or accuracy;
OPERATOR is <, <=, > or >=; VALUE is a number with ms, us, s, % or nothing behind it.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from edgekit.core.comparison import AtQuantile, Comparison, NetworkVerdict
from edgekit.core.errors import ConfigError, GateFailed
from edgekit.core.estimate import Estimate
from edgekit.core.gate import Gate
from edgekit.core.measurement import Measurement
from edgekit.core.record import Unavailable
from edgekit.core.suggest import did_you_mean

CONDITION = re.compile(
    r"\s*(?P<side>[a-z]+)(?::(?P<network>[\w.-]+))?\.(?P<figure>\w+)\s*(?P<operator><=|>=|<|>)\s*"
    r"(?P<value>[0-9.eE+-]+)\s*(?P<unit>ms|us|s|%|x|)\s*"
)
OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
UNITS = {"ms": 1.0, "us": 1e-3, "s": 1e3, "%": 0.01, "x": 1.0, "": 1.0}
SIDES = ("edge", "cloud", "ratio")
FIGURES = ("p50", "p95", "p99", "missed", "accuracy")


@dataclass(frozen=True)
class Condition:
    """Something that must not hold."""

    text: str
    side: str
    network: str
    """Empty: any."""
    figure: str
    operator: str
    value: float
    """Milliseconds, a share, or a ratio."""


def parse_condition(text: str) -> Condition:
    """A condition from its text.

    Raises:
        ConfigError: it is not of the form.

    Example:
        >>> parse_condition("cloud:4g.p95 > 0.1s").value
        100.0
    """
    match = CONDITION.fullmatch(text)
    if match is None:
        raise ConfigError(f"--fail-if {text!r}: not a condition", hint="--fail-if 'edge.p95>20ms'")
    side, figure = match["side"], match["figure"]
    for word, known in ((side, SIDES), (figure, FIGURES)):
        if word not in known:
            raise ConfigError(
                f"--fail-if {text!r}: {word!r} is not known", hint=did_you_mean(word, known)
            )
    is_time = figure.startswith("p") and side != "ratio"
    allowed = ("ms", "us", "s") if is_time else ("x", "") if side == "ratio" else ("%", "")
    if match["unit"] not in allowed:
        wanted = " or ".join(repr(unit) for unit in allowed if unit) or "a bare number"
        raise ConfigError(f"--fail-if {text!r}: expected a value with {wanted}")
    try:
        value = float(match["value"]) * UNITS[match["unit"]]
    except ValueError as err:
        raise ConfigError(f"--fail-if {text!r}: {match['value']!r} is no number") from err
    return Condition(text.strip(), side, match["network"] or "", figure, match["operator"], value)


def require(conditions: Sequence[Condition], found: Comparison | Measurement) -> None:
    """Nothing, when no condition holds.

    Raises:
        GateFailed: a condition holds, with the value seen; or what it asks for is not known.
        ConfigError: a condition names a network that was not measured.
    """
    require_kept(judge(conditions, found))


def require_kept(gates: Sequence[Gate]) -> None:
    """Nothing, when every budget is kept.

    Raises:
        GateFailed: one is missed, with what was seen.
    """
    failed = [f"{gate.text}: {gate.seen}" for gate in gates if not gate.is_kept]
    if failed:
        raise GateFailed("; ".join(failed), hint="edgekit explain RECORD tells why")


def judge(conditions: Sequence[Condition], found: Comparison | Measurement) -> tuple[Gate, ...]:
    """Every condition against what was measured, once per network that it is about.

    Raises:
        ConfigError: a condition names a network that was not measured.
    """
    return tuple(gate for condition in conditions for gate in _judged(condition, found))


def _judged(condition: Condition, found: Comparison | Measurement) -> Iterator[Gate]:
    values = (
        _values(condition, found)
        if isinstance(found, Comparison)
        else [_of_measurement(condition, found)]
    )
    for where, value in values:
        if isinstance(value, Unavailable):
            yield Gate(condition.text, f"{where} is not known ({value.reason})", is_kept=False)
        else:
            holds = OPERATORS[condition.operator](value, condition.value)
            yield Gate(condition.text, f"{where} is {value:.4g}", is_kept=not holds)


def _of_measurement(
    condition: Condition, measurement: Measurement
) -> tuple[str, float | Unavailable]:
    """Of a run alone, only the edge's percentiles are known."""
    where = f"{condition.side} {condition.figure}"
    if condition.side != "edge" or condition.figure in ("missed", "accuracy"):
        return where, Unavailable("it takes a comparison: edgekit compare")
    return where, _value(measurement.summaries["total"].percentiles_ms[condition.figure])


def _values(condition: Condition, comparison: Comparison) -> list[tuple[str, float | Unavailable]]:
    figure = condition.figure
    if condition.side == "edge" and figure != "missed":
        accuracy = comparison.edge_accuracy
        found = accuracy if figure == "accuracy" else _value(comparison.edge_ms[figure])
        return [(f"edge {figure}", found)]
    chosen = [
        item
        for item in comparison.networks
        if condition.network in ("", item.network.id if item.network else "direct")
    ]
    if not chosen:
        raise ConfigError(f"--fail-if {condition.text!r}: no network {condition.network!r}")
    if figure == "accuracy":
        return [("cloud accuracy", comparison.cloud_accuracy)]
    return [_of_network(condition, item) for item in chosen]


def _of_network(condition: Condition, item: NetworkVerdict) -> tuple[str, float | Unavailable]:
    name = item.network.id if item.network else "direct"
    if condition.figure == "missed":
        missed = item.availability
        is_edge = condition.side == "edge"
        share = missed.edge_missed_share if is_edge else missed.cloud_missed_share
        return f"{condition.side} missed over {name}", share
    found = item.quantiles[condition.figure]
    where = f"{condition.side} {condition.figure} over {name}"
    if not isinstance(found, AtQuantile):
        return where, found
    return where, (found.ratio if condition.side == "ratio" else found.cloud_ms).value


def _value(estimate: Estimate | Unavailable) -> float | Unavailable:
    return estimate.value if isinstance(estimate, Estimate) else estimate
