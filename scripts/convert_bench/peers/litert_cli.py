"""LiteRT-CLI: ``litert quantize`` with its default recipe, and with its static one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from convert_bench.environments import LITERT_CLI
from convert_bench.peers.programs import call_program

NAME = "LiteRT-CLI"
ENGINE = "litert"
FORMAT = "tflite"
STARTS_FROM = "tflite"
ENVIRONMENT = LITERT_CLI
VARIANTS = ("int8-static", "int8-dynamic")
SCRIPT = """
from convert_bench.peers.ai_edge_quantizer import calibration

def get_calibration_data():
    return calibration({model!r}, {samples!r}, {names!r})
"""


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the package's docstring."""
    command = ["quantize", request["model"], "--output", request["out"]]
    if request["variant"] == "int8-static":
        script = Path(request["out"]).with_suffix(".calibration.py")
        script.write_text(SCRIPT.format(**request), encoding="utf-8")
        command += ["--recipe", "static_wi8_ai8", "--calibration-data", str(script)]
    call_program("litert", command)
    return {}
