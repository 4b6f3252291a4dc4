"""onnx2tf: ``-oiqt`` with the calibration samples, and ``-odrqt``."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from convert_bench.peers.programs import call_program
from edgekit.toolenvs.pins import ENVIRONMENTS

NAME = "onnx2tf"
ENGINE = "litert"
FORMAT = "tflite"
STARTS_FROM = "onnx"
ENVIRONMENT = ENVIRONMENTS["onnx2tf"]
VARIANTS = ("int8-static", "int8-dynamic")


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the package's docstring."""
    if request["variant"] == "int8-dynamic":
        run(request["model"], request["out"], ["-odrqt"], suffix="_dynamic_range_quant.tflite")
        return {}
    import numpy

    from convert_bench.feeding import read_samples

    options = ["-oiqt"]
    folder = Path(request["out"]).parent
    names = request["names"]
    for j, (name, array) in enumerate(zip(names, read_samples(request["samples"]), strict=True)):
        path = folder / f"calibration-{j}.npy"
        batch = array.reshape(-1, *array.shape[2:])
        if batch.ndim == 4 and batch.shape[1] in (1, 3):
            batch = batch.transpose(0, 2, 3, 1)  # it wants pictures as TFLite has them
        numpy.save(path, batch)
        options += ["-cind", name, str(path), "[0]", "[1]"]
    run(request["model"], request["out"], options, suffix="_integer_quant.tflite")
    return {}


def run(model: str, out: str, options: Sequence[str] = (), *, suffix: str) -> None:
    """Calls the program, and takes the file of that ending from what it writes.

    Raises:
        FileNotFoundError: it did not write one.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = ["-i", model, "-o", folder, "-b", "1", "-v", "error", *options]
        call_program("onnx2tf", command, cwd=folder)
        found = [path for path in Path(folder).glob(f"*{suffix}") if "full" not in path.name]
        if not found:
            written = ", ".join(sorted(path.name for path in Path(folder).glob("*.tflite")))
            raise FileNotFoundError(f"onnx2tf wrote no *{suffix}, but {written or 'nothing'}")
        Path(out).write_bytes(found[0].read_bytes())
