"""Outputs on the board against the recorded ones and the original's."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.core.errors import GateFailed
from edgekit.core.measurement import OutputAgreement
from edgekit.measure.golden_check import Thresholds, agreement_rows, require_agreement
from edgekit_runner import golden, wire
from edgekit_runner.agreement import Agreement
from edgekit_runner.failure import Failure
from samples import echo_artifact

SCORES = numpy.array([[0.1, 0.7, 0.2]], numpy.float32)


def release(folder: Path, *, out: Any, ref: Any = None) -> str:  # Any: arrays
    """An echo release with one golden sample."""
    echo_artifact(folder)
    card = json.loads((folder / "card.json").read_text())
    spec = {"name": "scores", "shape": [1, 3], "dtype": "float32"}
    (folder / "model.onnx").write_text(json.dumps([spec]))
    card |= {"inputs": [spec], "outputs": [spec], "golden": {"sample_count": 1, "tolerance": 0.01}}
    (folder / "card.json").write_text(json.dumps(card))
    (folder / "golden").mkdir()
    SCORES.tofile(folder / "golden" / "0.in.0.bin")
    numpy.asarray(out, numpy.float32).tofile(folder / "golden" / "0.out.0.bin")
    if ref is not None:
        numpy.asarray(ref, numpy.float32).tofile(folder / "golden" / "0.ref.0.bin")
    return str(folder)


def events(path: str) -> list[dict[str, Any]]:  # Any: JSON
    found: list[dict[str, Any]] = []  # Any: JSON
    request = {"release_path": path, "engine": "echo", "threads": 1}
    try:
        golden.check(request, lambda event, **fields: found.append({"event": event, **fields}))
    except Failure as failure:
        found.append({"event": "error", "code": failure.code})
    return found


def test_the_original_is_told_beside_the_hosts_outputs(tmp_path: Path) -> None:
    said = events(release(tmp_path / "r", out=SCORES, ref=numpy.add(SCORES, [[0.05, 0.0, 0.0]])))
    host, original, verdict = said
    assert (host["against"], original["against"]) == ("host", "original")
    assert host["outputs"][0]["max_abs"] == 0.0
    assert host["outputs"][0]["snr_db"] == 200.0
    found = original["outputs"][0]
    assert found["max_abs"] == pytest.approx(0.05, abs=1e-6)
    assert found["top1"] == 1.0
    wanted = 10 * math.log10((0.15**2 + 0.7**2 + 0.2**2) / 0.05**2)
    assert found["snr_db"] == pytest.approx(wanted, abs=0.01)
    assert verdict["passed"] is True


def test_outputs_that_differ_from_the_hosts_fail_after_they_were_told(tmp_path: Path) -> None:
    said = events(release(tmp_path / "r", out=SCORES[:, ::-1]))
    assert [event["event"] for event in said] == ["agreement", "golden", "error"]
    assert said[1]["passed"] is False
    assert said[2]["code"] == wire.ERROR_GOLDEN_FAILED


def test_nan_is_as_far_off_as_can_be(tmp_path: Path) -> None:
    said = events(release(tmp_path / "r", out=[[math.nan, 0, 0]]))
    assert said[0]["outputs"][0]["max_abs"] == 1e308
    assert said[0]["outputs"][0]["cosine"] == -1.0
    assert json.dumps(said)


@given(st.lists(st.floats(-100, 100, width=32), min_size=2, max_size=20))
def test_the_same_values_agree(values: list[float]) -> None:
    agreement = Agreement("x")
    agreement.add(numpy.array(values), numpy.array(values))
    told = agreement.told()
    assert told["max_abs"] == 0.0
    assert told["snr_db"] == 200.0
    assert told["top1"] == 1.0
    assert told["cosine"] == pytest.approx(1.0)


def output(**changes: float | None) -> OutputAgreement:
    fields: dict[str, Any] = {"max_abs": 0.1, "cosine": 0.99, "snr_db": 25.0, "top1": 0.9}
    return OutputAgreement("scores", 10, **(fields | changes))


@pytest.mark.parametrize(
    ("thresholds", "said"),
    [
        (Thresholds(max_abs=0.05), "differs by up to 0.1"),
        (Thresholds(min_cosine=0.995), "has cosine 0.9900"),
        (Thresholds(min_snr_db=30), "has SNR 25.0 dB"),
        (Thresholds(min_top1=0.95), "agrees in 90%"),
    ],
)
def test_a_threshold_that_is_missed_is_exit_7(thresholds: Thresholds, said: str) -> None:
    with pytest.raises(GateFailed, match=said) as caught:
        require_agreement([output()], thresholds)
    assert caught.value.exit_code == 7
    assert "edgekit convert" in caught.value.hint


def test_thresholds_that_are_kept_or_not_asked_pass() -> None:
    kept = Thresholds(max_abs=0.2, min_cosine=0.9, min_snr_db=20, min_top1=0.8)
    require_agreement([output(), output(top1=None)], kept)
    require_agreement([output(cosine=-1.0)], Thresholds())
    assert not Thresholds().is_asked
    assert kept.is_asked
    assert agreement_rows([output(top1=None)])[0][-1] == "-"
