"""Runs an artifact in the runtime of the environment it is called in; numpy and the engine only.

request  {"engine": NAME, "model": PATH, "vectors": FOLDER (see proof_vectors), "share": FLOAT,
          "recipe": NAME}
reply    {"sample_count", "max_deviation", "tolerance", "top1_agreement", "tools": {NAME: VERSION}}
         or {"unsupported": [TEXT]} when the runtime lacks operations of the model
"""

from __future__ import annotations

import platform
import re
from pathlib import Path
from typing import Any

import numpy

from edgekit.convert.workers.proof_vectors import read_vectors
from edgekit.convert.workers.tflite_opcodes import read_operator_codes
from edgekit.convert.workers.versions import versions
from edgekit_runner import engines
from edgekit_runner.samples import dequantize

MISSING_OP = re.compile(r"Didn't find op for builtin opcode '(\w+)' version '(\d+)'")


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the module's docstring."""
    engine = engines.find_engine(request["engine"])
    try:
        session = engine.load(request["model"], 2)
    except (ValueError, RuntimeError) as err:
        return {"unsupported": _unsupported(request, str(err))}
    except Exception as err:  # ONNX Runtime's own classes derive from Exception alone
        if type(err).__module__.partition(".")[0] != "onnxruntime":
            raise
        return {"unsupported": _unsupported(request, str(err))}
    inputs = read_vectors(request["vectors"], "in")
    expected = read_vectors(request["vectors"], "out")
    found = [session.run([column[i] for column in inputs]) for i in range(len(inputs[0]))]
    reply = _compare(session.outputs, expected, found, request["share"])
    tools = versions(*engine.DISTRIBUTIONS, "numpy") | {"python": platform.python_version()}
    return reply | {"sample_count": len(found), "tools": tools}


# Any: contract.Tensor, arrays, JSON
def _compare(
    tensors: Any, expected: list[Any], found: list[list[Any]], share: float
) -> dict[str, Any]:
    worst, tolerance, ratio = 0.0, 1e-5, 0.0
    top1 = None
    for j, tensor in enumerate(tensors):
        wanted = dequantize(expected[j], tensor.scale, tensor.zero_point)
        got = numpy.stack([dequantize(row[j], tensor.scale, tensor.zero_point) for row in found])
        if not wanted.size:
            continue
        allowed = max(share * _spread(wanted), 1e-5)
        deviation = float(numpy.abs(got - wanted).max())
        if not numpy.isfinite(deviation):
            deviation = float(numpy.finfo(numpy.float32).max)
        if deviation / allowed >= ratio:
            ratio, worst, tolerance = deviation / allowed, deviation, allowed
        if top1 is None and wanted[0].size > 1:
            flat = wanted.reshape(len(wanted), -1).argmax(1)
            top1 = float((flat == got.reshape(len(got), -1).argmax(1)).mean())
    return {"max_deviation": worst, "tolerance": tolerance, "top1_agreement": top1}


def _spread(values: Any) -> float:  # Any: an array, samples first
    """The largest range of one sample's output, or of all samples where one has one value."""
    flat = values.reshape(len(values), -1)
    ranges = flat.max(1) - flat.min(1) if flat.shape[1] > 1 else [flat.max() - flat.min()]
    return float(numpy.nan_to_num(numpy.max(ranges), posinf=0.0))


def _unsupported(request: dict[str, Any], reason: str) -> list[str]:  # Any: JSON
    """Everything that the runtime lacks, not the first one alone."""
    if not MISSING_OP.search(reason):
        return [reason.strip().splitlines()[0][:300]]
    from tflite_runtime.interpreter import Interpreter

    data = bytearray(Path(request["model"]).read_bytes())
    codes = [code for code in read_operator_codes(bytes(data)) if code.version_offset]
    missing: list[str] = []
    for _ in codes:
        match = MISSING_OP.search(reason)
        if not match:
            break
        missing.append(f"{match[1]} version {match[2]}")
        for code in codes:  # lowered in memory alone, so that the runtime names the next one
            if code.version == int(match[2]):
                data[code.version_offset : code.version_offset + 4] = b"\x01\0\0\0"
        try:
            Interpreter(model_content=bytes(data))
            break
        except (ValueError, RuntimeError) as err:
            reason = str(err)
    return list(dict.fromkeys(missing))
