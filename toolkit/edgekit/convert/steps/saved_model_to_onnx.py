"""SavedModel to ONNX by tf2onnx."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

SOURCE = "saved_model"
TARGET = "onnx"
ENVIRONMENT = "tensorflow"
COST = 12
OPSET = 18
"""The newest that tf2onnx 1.17 writes well."""


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the package's docstring."""
    import onnx

    from edgekit.convert.workers.onnx_files import fixed_shapes, save_for_boards
    from edgekit.convert.workers.versions import versions
    from edgekit.core.errors import StepFailed

    command = [sys.executable, "-m", "tf2onnx.convert", "--saved-model", request["model"]]
    command += ["--output", request["out"], "--opset", str(OPSET)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise StepFailed(f"tf2onnx failed: {lines[-1][:300] if lines else 'no output'}")
    model = fixed_shapes(onnx.load(request["out"]), request["shapes"])
    save_for_boards(model, request["out"])
    return {"tools": versions("tf2onnx", "onnx"), "warnings": [], "channel_last": []}
