"""Stages of a conversion, numbered, with what is left by what it took before."""

from __future__ import annotations

import json
from pathlib import Path

from edgekit.convert.stages import Stages, planned_stages

STEPS = ("onnx-to-tflite", "tflite-quantize int8-static")


class Clock:
    """Seconds that are set."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def convert_once(history: Path) -> list[str]:
    lines: list[str] = []
    clock = Clock()
    stages = Stages(
        lines.append, planned_stages(STEPS, data=False, proof=True), history, clock=clock
    )
    for message, seconds in (
        ("reading net (onnx)", 2),
        ("onnx-to-tflite", 10),
        ("onnx-to-tflite failed: nothing", 0),
        ("  1 MB, 10.0 s", 0),
        ("tflite-quantize int8-static", 20),
        ("running the original (samples)", 3),
        ("checking it against the original", 4),
        ("proving it on litert 2.3.0", 5),
        ("tflite-quantize int8-static", 1),
    ):
        stages(message)
        clock.now += seconds
    stages.finish()
    return lines


def test_stages_are_numbered_and_other_lines_pass(tmp_path: Path) -> None:
    assert convert_once(tmp_path / "times.json") == [
        "[1/6] reading net (onnx)",
        "[2/6] onnx-to-tflite",
        "onnx-to-tflite failed: nothing",
        "  1 MB, 10.0 s",
        "[3/6] tflite-quantize int8-static",
        "[4/6] running the original (samples)",
        "[5/6] checking it against the original",
        "[6/6] proving it on litert 2.3.0",
        "tflite-quantize int8-static",
    ]


def test_the_second_time_tells_what_is_left(tmp_path: Path) -> None:
    history = tmp_path / "new" / "times.json"
    convert_once(history)
    lines = convert_once(history)
    assert lines[0] == "[1/6] reading net (onnx), about 45 s left"
    assert lines[4] == "[3/6] tflite-quantize int8-static, about 33 s left"
    assert json.loads(history.read_text())["onnx-to-tflite"] == 10.0


def test_a_damaged_history_is_none(tmp_path: Path) -> None:
    history = tmp_path / "times.json"
    for content in ("{", "[]", '{"reading": "x"}', "x" * 200_000):
        history.write_text(content)
        assert convert_once(history)[0] == "[1/6] reading net (onnx)"


def test_the_original_is_judged_first_where_there_is_data() -> None:
    stages = planned_stages(STEPS, data=True, proof=False)
    assert stages == (
        "reading",
        "running the original",
        *STEPS,
        "checking it against the original",
    )
