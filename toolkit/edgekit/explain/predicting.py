"""A latency from the floor of a board type, and from how far known models stay above theirs. Pure.

Source: the floor by Williams et al., CACM 2009; nn-Meter (Zhang et al., MobiSys 2021) on why a floor
alone predicts little: engines differ by kernels, which the factors stand for here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum

from edgekit.core.artifact import ModelStructure
from edgekit.core.errors import ConfigError
from edgekit.core.estimate import Estimate
from edgekit.core.lag import Basis
from edgekit.core.prediction import Prediction
from edgekit.core.profile import DeviceProfile
from edgekit.core.record import Unavailable
from edgekit.explain.roof import INT8, Roof, describe

LEAST = 3
"""Known models below which no interval is given."""
CONFIDENCE = 0.9
T_90 = (6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812)
"""Two-sided 90 % quantiles of Student's t for 1..10 degrees of freedom."""
T_MANY = 1.70
WIDENING_INT8 = 2.0
"""Without a dot product, 8-bit products are widened: twice as many lanes as float32 at best.
Source: Arm Cortex-A72 Software Optimization Guide, SMLAL."""


@dataclass(frozen=True)
class Known:
    """A model of which both the floor and the latency are known."""

    name: str
    profile: str
    precision: str
    floor_ms: float
    latency_ms: float

    @property
    def factor(self) -> float:
        """How many times its floor it takes."""
        return self.latency_ms / self.floor_ms


@dataclass(frozen=True)
class Wanted:
    """What is to be predicted."""

    name: str
    recipe: str
    precision: str
    structure: ModelStructure
    threads: int


def profile_roof(profile: DeviceProfile, precision: str, threads: int) -> Roof | Unavailable:
    """What the fastest cluster of a board type can do."""
    cluster = max(profile.cores, key=lambda c: c.clock_mhz * (c.macs_per_cycle_f32 or 0.0))
    rate = cluster.macs_per_cycle_i8 if precision == INT8 else cluster.macs_per_cycle_f32
    note = ""
    if rate is None and precision == INT8 and cluster.macs_per_cycle_f32 is not None:
        rate, note = cluster.macs_per_cycle_f32 * WIDENING_INT8, ", no dot product"
    if rate is None or profile.memory.bandwidth_mb_s is None:
        return Unavailable(f"the profile {profile.id} gives no peak for {precision}")
    used = min(threads or cluster.count, cluster.count)
    peak = rate * cluster.clock_mhz * 1e6 * used
    source = f"{used} x {cluster.kind} at {cluster.clock_mhz} MHz{note}, profile {profile.id}"
    bandwidth = profile.memory.bandwidth_mb_s * 1e6
    return Roof(precision, peak, bandwidth, Basis.PREDICTED, source)


def floor_of(structure: ModelStructure, roof: Roof) -> float:
    """Milliseconds that the model takes at least."""
    return fsum(sum(roof.floor_ms(operation)) for operation in structure.operations)


def predict(
    wanted: Wanted, profile: DeviceProfile, roof: Roof, known: Sequence[Known]
) -> Prediction:
    """The latency with its interval, from the known models of the same precision.

    Those on the same board type alone, when there are enough of them.

    Raises:
        ConfigError: too few models are known.
    """
    alike = [k for k in known if k.precision == wanted.precision]
    same = [k for k in alike if k.profile == profile.id]
    chosen = same if len(same) >= LEAST else alike
    if len(chosen) < LEAST:
        raise ConfigError(
            f"{len(chosen)} models in {wanted.precision} are known, {LEAST} are needed",
            hint="measure some on the board: edgekit explain ARTIFACT --board NAME",
        )
    floor_ms = floor_of(wanted.structure, roof)
    if floor_ms <= 0:
        raise ConfigError(
            f"{wanted.name} computes nothing that can be counted", hint="edgekit inspect it"
        )
    middle, low, high = _factors([k.factor for k in chosen])
    return Prediction(
        model_name=wanted.name,
        profile=profile.id,
        recipe=wanted.recipe,
        precision=wanted.precision,
        threads=wanted.threads,
        latency_ms=Estimate(floor_ms * middle, floor_ms * low, floor_ms * high, CONFIDENCE),
        floor_ms=floor_ms,
        roof=describe(roof),
        known=tuple(f"{k.name} on {k.profile}: {k.factor:.2f} x" for k in chosen),
        is_own=False,
        held_out_error=held_out_error(chosen),
    )


def held_out_error(known: Sequence[Known]) -> float | Unavailable:
    """Median relative error when each model is predicted from the others."""
    if len(known) <= LEAST:
        return Unavailable(f"{len(known)} known models are too few to hold one out")
    errors = []
    for i, one in enumerate(known):
        others = [k.factor for j, k in enumerate(known) if j != i]
        errors.append(abs(_factors(others)[0] / one.factor - 1))
    return sorted(errors)[len(errors) // 2]


def _factors(values: Sequence[float]) -> tuple[float, float, float]:
    """Geometric mean, and the interval for one more value."""
    logs = [math.log(value) for value in values]
    count = len(logs)
    mean = fsum(logs) / count
    deviation = math.sqrt(fsum((log - mean) ** 2 for log in logs) / (count - 1))
    quantile = T_90[count - 2] if count - 2 < len(T_90) else T_MANY
    half = quantile * deviation * math.sqrt(1 + 1 / count)
    return math.exp(mean), math.exp(mean - half), math.exp(mean + half)
