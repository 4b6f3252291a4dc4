"""Runs the finished artifact on the host's engine: agreement, accuracy, golden vectors, structure.

request  {"engine": NAME, "format": NAME, "model": PATH, "samples": FOLDER, "reference": FOLDER,
          "evaluation": FOLDER or "", "evaluation_reference": FOLDER or "", "channel_last": [INT],
          "golden": FOLDER, "golden_count": N, "vectors": FOLDER, "quantized": BOOL, "metric": TEXT, "layouts": [TEXT per input of the source],
          "names": [TEXT likewise]}
reply    {"inputs", "outputs": [TensorSpec], "agreement", "accuracy", "golden", "structure", "contents"}
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy

from edgekit.convert.workers.artifact_model import ArtifactModel, input_details
from edgekit.convert.workers.comparison import accuracy, agreement
from edgekit.convert.workers.contents import read_contents
from edgekit.convert.workers.proof_vectors import PROOF_SAMPLES, write_vectors
from edgekit.convert.workers.samples_file import read_inputs, read_optional, read_outputs
from edgekit.convert.workers.structure import read_structure
from edgekit.convert.workers.tensor_specs import spec_of
from edgekit.convert.workers.tflite_files import source_order
from edgekit.core.record import to_plain
from edgekit_runner import engines

FLOAT_TOLERANCE = 1e-3
"""Of the outputs' range: engines differ by 3e-5 on real float networks, x86 to ARM by less."""
QUANTIZED_TOLERANCE = 0.05
"""Of the outputs' range: engines round int8 sums differently by up to 7 steps of 256."""


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the module's docstring."""
    name = "litert" if request["format"] == "tflite" else request["engine"]
    session = engines.find_engine(name).load(request["model"], 2)
    inputs = read_inputs(request["samples"])
    reference = read_outputs(request["reference"])
    order = source_order(input_details(session), inputs, request["channel_last"], request["names"])
    model = ArtifactModel(session, order, request["channel_last"])
    outputs = model.compare(inputs, reference)
    evaluation = outputs
    labels = None
    if request["evaluation"]:
        evaluation_inputs = read_inputs(request["evaluation"])
        evaluation = model.compare(
            evaluation_inputs, read_outputs(request["evaluation_reference"])
        )
        labels = read_optional(request["evaluation"], "labels")
    golden = _write_golden(request, model, inputs)
    _write_reference(request, model, reference, golden["sample_count"])
    _write_vectors(request, model, inputs)
    structure = read_structure(request["format"], request["model"])
    found = None
    if labels is not None:
        found = accuracy(evaluation, numpy.asarray(labels), request["metric"])
    return {
        "inputs": model.input_specs(request),
        "outputs": [spec_of(tensor) for tensor in session.outputs],
        "agreement": agreement(evaluation),
        "accuracy": found,
        "golden": golden,
        "structure": to_plain(structure),
        "contents": read_contents(request["format"], request["model"]),
    }


def _write_golden(
    request: dict[str, Any], model: ArtifactModel, inputs: list[Any]
) -> dict[str, Any]:
    folder = Path(request["golden"])
    folder.mkdir(parents=True, exist_ok=True)
    pictures = read_optional(request["samples"], "pictures")
    count = min(request["golden_count"], len(inputs[0]))
    spread = 0.0
    for i in range(count):
        feed = model.feed([array[i] for array in inputs])
        outputs = model.session.run(feed)
        for j, array in enumerate(feed):
            numpy.ascontiguousarray(array).tofile(folder / f"{i}.in.{j}.bin")
        for j, array in enumerate(outputs):
            numpy.ascontiguousarray(array).tofile(folder / f"{i}.out.{j}.bin")
        if pictures is not None:
            pictures[i].tofile(folder / f"{i}.raw.bin")
        for real in model.real(outputs):
            spread = max(spread, float(real.max() - real.min()))
    share = QUANTIZED_TOLERANCE if request["quantized"] else FLOAT_TOLERANCE
    return {"sample_count": count, "tolerance": max(share * spread, 1e-5)}


def _write_reference(
    request: dict[str, Any], model: ArtifactModel, reference: list[Any], count: int
) -> None:
    """What the original gives for the golden samples, in the artifact's order and layout."""
    for original, k in zip(reference, model.output_order, strict=True):
        shape = tuple(max(size, 1) for size in model.session.outputs[k].shape)
        for i in range(count):
            values = numpy.asarray(original[i], dtype=numpy.float32)
            if values.ndim == 4 and values.transpose(0, 2, 3, 1).shape == shape != values.shape:
                values = values.transpose(0, 2, 3, 1)
            path = Path(request["golden"]) / f"{i}.ref.{k}.bin"
            numpy.ascontiguousarray(values).tofile(path)


def _write_vectors(request: dict[str, Any], model: ArtifactModel, inputs: list[Any]) -> None:
    """What the runtimes of boards have to reproduce (see proof.py)."""
    count = min(PROOF_SAMPLES, len(inputs[0]))
    feeds = [model.feed([array[i] for array in inputs]) for i in range(count)]
    write_vectors(request["vectors"], feeds, [model.session.run(feed) for feed in feeds])
