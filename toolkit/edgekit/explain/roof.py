"""The floor below the model: what arithmetic and memory take at least on this board. Pure.

Source: Williams, Waterman & Patterson, "Roofline", CACM 52(4), 2009; figures of the board by
calibration, else from its device profile.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum

from edgekit.core.artifact import ModelStructure, Operation
from edgekit.core.lag import NOT_CALIBRATED, Basis, Roofline, RooflinePoint
from edgekit.core.measurement import Measurement
from edgekit.core.record import Unavailable
from edgekit.core.units import format_count
from edgekit.explain.evidence import Records

FLOAT, INT8 = "float32", "int8"
INTEGER_RECIPES = ("int8-static",)
"""Recipes whose arithmetic is in int8; the others compute in float32."""


@dataclass(frozen=True)
class Roof:
    """What the board can do at the precision of the model."""

    precision: str
    peak_macs_per_s: float
    bandwidth_bytes_per_s: float
    basis: Basis
    source: str

    def floor_ms(self, operation: Operation, batch: int = 1) -> tuple[float, float]:
        """Arithmetic, and what reading and writing takes beyond it.

        Bytes count for operations that compute only: the others can be fused into them.
        """
        arithmetic_ms = operation.macs * batch / self.peak_macs_per_s * 1e3
        if not operation.macs:
            return 0.0, 0.0
        moved = operation.weight_bytes + operation.activation_bytes * batch
        memory_ms = moved / self.bandwidth_bytes_per_s * 1e3
        return arithmetic_ms, max(memory_ms - arithmetic_ms, 0.0)


def precision_of(measurement: Measurement) -> str:
    """The precision of the arithmetic, from the recipe."""
    recipe = measurement.model.get("recipe", "")
    return INT8 if recipe.startswith(INTEGER_RECIPES) else FLOAT


def roof_of(measurement: Measurement, records: Records) -> Roof | Unavailable:
    """The roof by calibration, else by the profile where it speaks of the machine that ran."""
    precision = precision_of(measurement)
    found = records.calibration
    if found is not None:
        if precision not in found.macs_per_s:
            return Unavailable(f"the calibration has no peak for {precision}")
        if isinstance(found.bandwidth_bytes_per_s, Unavailable):
            return found.bandwidth_bytes_per_s
        if found.threads != measurement.options.threads:
            return Unavailable(
                f"calibrated with {found.threads} threads, measured with "
                f"{measurement.options.threads}"
            )
        bandwidth = found.bandwidth_at(_working_set_bytes(records))
        peak = found.macs_per_s[precision]
        return Roof(precision, peak, bandwidth, Basis.MEASURED, found.method)
    return _roof_of_profile(measurement, records, precision)


def _roof_of_profile(
    measurement: Measurement, records: Records, precision: str
) -> Roof | Unavailable:
    profile = records.profile
    if profile is None:
        return NOT_CALIBRATED
    if any(note.id in ("stand-in", "emulated") for note in measurement.validity):
        return Unavailable("another machine stands in for the board, and it was not calibrated")
    cluster = profile.cores[0]
    rate = cluster.macs_per_cycle_i8 if precision == INT8 else cluster.macs_per_cycle_f32
    if rate is None or profile.memory.bandwidth_mb_s is None:
        return Unavailable(f"the profile {profile.id} gives no peak for {precision}")
    threads = min(measurement.options.threads, cluster.count)
    peak = rate * cluster.clock_mhz * 1e6 * threads
    source = f"{threads} x {cluster.kind} at {cluster.clock_mhz} MHz, profile {profile.id}"
    return Roof(precision, peak, profile.memory.bandwidth_mb_s * 1e6, Basis.PREDICTED, source)


def roofline(
    measurement: Measurement, records: Records, infer_ms: float
) -> Roofline | Unavailable:
    """The model and its operation types below the board's roof."""
    structure = _structure(records)
    if structure is None:
        return Unavailable("the artifact's structure is not known")
    roof = roof_of(measurement, records)
    if isinstance(roof, Unavailable):
        return roof
    batch = measurement.options.batch
    times = {}
    if records.operations is not None:
        times = {kind: time_ms for kind, _, time_ms, _ in records.operations.by_type()}
    points = [
        RooflinePoint(
            operation.type,
            operation.macs * batch,
            operation.weight_bytes + operation.activation_bytes * batch,
            sum(roof.floor_ms(operation, batch)),
            times.get(operation.type, Unavailable("its operations were not timed")),
        )
        for operation in structure.operations
        if operation.macs
    ]
    points.sort(key=lambda point: -point.floor_ms)
    whole = RooflinePoint(
        "whole model",
        sum(point.macs for point in points),
        sum(point.bytes for point in points),
        fsum(point.floor_ms for point in points),
        infer_ms,
    )
    return Roofline(
        roof.precision,
        roof.peak_macs_per_s,
        roof.bandwidth_bytes_per_s,
        roof.basis,
        roof.source,
        (whole, *points),
    )


def describe(roof: Roof) -> str:
    """Peak and bandwidth in words."""
    return (
        f"{format_count(roof.peak_macs_per_s)} multiply-accumulates per second in "
        f"{roof.precision}, {roof.bandwidth_bytes_per_s / 1e9:.3g} GB/s ({roof.source})"
    )


def _structure(records: Records) -> ModelStructure | None:
    artifact = records.artifact
    if artifact is None or isinstance(artifact.structure, Unavailable):
        return None
    return artifact.structure


def _working_set_bytes(records: Records) -> float:
    """Weights, and what one operation reads and writes: what has to stay in a cache."""
    structure = _structure(records)
    if structure is None:
        return float("inf")
    count = max(sum(operation.count for operation in structure.operations), 1)
    weights = fsum(operation.weight_bytes for operation in structure.operations)
    return weights + fsum(o.activation_bytes for o in structure.operations) / count
