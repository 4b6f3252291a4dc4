"""Golden cases of rules: JSON files of changes over the records of samples.py.

``tests/data/explain/<rule>.json`` holds ``fires``, ``silent`` and ``unavailable`` (each a list).
A case names what differs from the usual records; ``expect`` says what the rule must answer.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from edgekit.core.artifact import ModelArtifact, Replay
from edgekit.core.board import BoardFacts
from edgekit.core.estimate import Estimate
from edgekit.core.lag import Calibration, Experiment
from edgekit.core.measurement import Measurement
from edgekit.core.mode import Mode
from edgekit.core.network import CloudTrip
from edgekit.core.operations import OperationProfile, OperationTime
from edgekit.core.record import from_plain, to_plain
from edgekit.explain.evidence import Records
from edgekit.profiles.device import load_profile
from samples import artifact_card, board_facts, measurement, trip

FOLDER = Path(__file__).parent / "data" / "explain"
KINDS = ("fires", "silent", "unavailable")
COUNT = 100
CONVERT = "edgekit convert cats.onnx --profile raspberrypi-4b --calibration cats.npz"

Kind = TypeVar("Kind")
Document = Mapping[str, Any]  # Any: JSON


@dataclass(frozen=True)
class Case:
    """One case of one rule."""

    rule: str
    kind: str
    number: int
    document: Document

    @property
    def expect(self) -> Document:
        """What the rule must answer."""
        found: Document = self.document.get("expect", {})
        return found

    @property
    def name(self) -> str:
        """For the test's id."""
        return f"{self.rule}-{self.kind}-{self.number}"


def cases() -> Iterator[Case]:
    """Every case of every file."""
    for path in sorted(FOLDER.glob("*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        for kind in KINDS:
            for number, one in enumerate(document.get(kind, [])):
                yield Case(path.stem, kind, number, one)


def build(case: Case) -> tuple[Measurement, Records]:
    """The records of a case."""
    given = case.document
    measured = _measurement(given)
    profile = given.get("profile")
    facts = given.get("facts")
    records = Records(
        trips=tuple(_trip(one) for one in given.get("trips", ())),
        artifact=_artifact(given["artifact"]) if "artifact" in given else None,
        profile=load_profile(profile) if profile else None,
        facts=_changed(BoardFacts, board_facts(), facts) if facts is not None else None,
        operations=_operations(given["operations"]) if "operations" in given else None,
        calibration=_calibration(given["calibration"]) if "calibration" in given else None,
        experiments=tuple(_experiment(one) for one in given.get("experiments", ())),
        folder="artifacts/cats",
    )
    return measured, records


def _measurement(given: Document) -> Measurement:
    phases = {"preprocess": 0.3, "infer": 1.0, "postprocess": 0.005} | given.get("phases_ms", {})
    total = sum(phases[name] for name in ("preprocess", "infer", "postprocess"))
    count = given.get("count", COUNT)
    samples = {
        name: tuple(int(value * 1e6) + i % 7 for i in range(count))
        for name, value in {**phases, "total": total}.items()
    }
    base = measurement(samples, threads=given.get("threads", 2))
    return _changed(Measurement, base, given.get("measurement", {}))


def _artifact(changes: Document) -> ModelArtifact:
    card = dataclasses.replace(artifact_card(), replay=Replay(CONVERT, {}, {}))
    return _changed(ModelArtifact, card, changes)


def _trip(given: Document) -> CloudTrip:
    count = 40
    base = trip(1.0, count=count)
    phases = {"encode": 0.2, "decode": 0.05, **given["phases_ms"]}
    total = given["total_ms"]
    samples = {
        name: [int(value * 1e6) + i % 5 for i in range(count)]
        for name, value in {**phases, "round_trip": total - 0.25, "total": total}.items()
    }
    slowest = given.get("slow_ms")
    if slowest:
        samples["total"][-4:] = [int(slowest * 1e6)] * 4
    fields = {k: v for k, v in given.items() if k not in ("phases_ms", "total_ms", "slow_ms")}
    model = {**base.model, "folder": "artifacts/original", **fields.pop("model", {})}
    plain = to_plain(base) | {"samples_ns": samples, "model": model}
    return from_plain(CloudTrip, _merged(plain, fields))


def _operations(given: Document) -> OperationProfile:
    rows = tuple(
        OperationTime(f"{i} {kind}", kind, where, time_ms, time_ms / given["unprofiled_ms"])
        for i, (kind, where, time_ms) in enumerate(given["rows"])
    )
    return OperationProfile(
        id="ops-1",
        board="local",
        machine="cortex-a72",
        mode=Mode.MEASURED,
        engine="litert",
        engine_version="2.3.0",
        threads=2,
        batch=1,
        model={"name": "cats"},
        method="counters",
        unprofiled_ms=given["unprofiled_ms"],
        profiled_ms=given.get("profiled_ms", given["unprofiled_ms"]),
        operations=rows,
        outside_ms=given.get("outside_ms", 0.0),
        measured_utc="2026-11-24T12:00:00Z",
    )


def _calibration(given: Document) -> Calibration:
    return Calibration(
        board="local",
        machine="cortex-a72 (aarch64, 4 processors)",
        mode=Mode.MEASURED,
        engine="litert",
        engine_version="2.3.0",
        threads=given.get("threads", 2),
        macs_per_s=given["macs_per_s"],
        bandwidth_bytes_per_s=given["bandwidth"],
        method="calibrated",
        elapsed_s=4.0,
        measured_utc="2026-11-24T12:00:00Z",
    )


def _experiment(given: Document) -> Experiment:
    base, gain = given["base_ms"], given["gain_ms"]
    width = given.get("width_ms", abs(gain) / 10)

    def estimate(value: float) -> Estimate:
        return Estimate(value, value - width, value + width)

    return Experiment(
        id=given["id"],
        question="a test",
        change=given["change"],
        base_ms=estimate(base),
        changed_ms=estimate(base - gain),
        gain_ms=estimate(gain),
        phase=given.get("phase", "infer"),
        told=f"{given['id']}: {base} ms becomes {base - gain} ms",
        cost_s=2.0,
    )


def _changed(kind: type[Kind], record: Kind, changes: Document) -> Kind:
    return from_plain(kind, _merged(to_plain(record), changes)) if changes else record


def _merged(plain: dict[str, Any], changes: Document) -> dict[str, Any]:  # Any: JSON
    merged = dict(plain)
    for key, value in changes.items():
        before = merged.get(key)
        if (
            not value
            or not isinstance(value, Mapping)
            or not isinstance(before, dict)
            or "unavailable" in (*before, *value)
        ):
            merged[key] = value
        else:
            merged[key] = _merged(before, value)
    return merged
