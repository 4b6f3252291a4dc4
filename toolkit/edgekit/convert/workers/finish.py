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

from edgekit.convert.workers.comparison import Outputs, accuracy, agreement
from edgekit.convert.workers.contents import read_contents
from edgekit.convert.workers.proof_vectors import PROOF_SAMPLES, write_vectors
from edgekit.convert.workers.samples_file import read_inputs, read_optional, read_outputs
from edgekit.convert.workers.structure import read_structure
from edgekit.convert.workers.tensor_specs import spec_of
from edgekit.convert.workers.tflite_files import arrange, source_order
from edgekit.core.errors import StepFailed
from edgekit.core.record import to_plain
from edgekit_runner import engines
from edgekit_runner.samples import dequantize, quantize

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
    order = source_order(_details(session), inputs, request["channel_last"], request["names"])
    model = _Model(session, order, request["channel_last"])
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


class _Model:
    """The artifact in the host's engine, fed with samples of the source."""

    def __init__(self, session: Any, order: list[int], channel_last: list[int]) -> None:
        self.session = session
        self.order = order
        self.channel_last = channel_last
        self.output_order: list[int] = []

    def feed(self, sample: list[Any]) -> list[Any]:
        """One sample in the artifact's order, layout and dtypes."""
        arranged = arrange(sample, self.order, self.channel_last)
        return [
            quantize(array, tensor)
            if tensor.scale
            else numpy.ascontiguousarray(array.astype(tensor.dtype))
            for array, tensor in zip(arranged, self.session.inputs, strict=True)
        ]

    def real(self, outputs: list[Any]) -> list[Any]:
        """Real values of the artifact's outputs."""
        return [
            dequantize(array, tensor.scale, tensor.zero_point)
            for array, tensor in zip(outputs, self.session.outputs, strict=True)
        ]

    def compare(self, inputs: list[Any], reference: list[Any]) -> list[Outputs]:
        """Outputs over all samples, paired with the original's."""
        rows = [
            self.real(self.session.run(self.feed([array[i] for array in inputs])))
            for i in range(len(inputs[0]))
        ]
        if not self.output_order:
            self.output_order = _pair([array[0] for array in reference], rows[0])
        pairs = []
        for j, original in enumerate(reference):
            artifact = numpy.stack([row[self.output_order[j]] for row in rows])
            shaped = numpy.asarray(original, dtype=numpy.float32)
            if artifact.size == shaped.size:
                artifact = _as_original(artifact, shaped)
                pairs.append(Outputs(shaped, artifact.reshape(shaped.shape)))
        if not pairs:
            raise StepFailed("no output of the artifact has the size of one of the original's")
        _require_finite(pairs)
        return pairs

    def input_specs(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        """Specs with the layout of picture inputs."""
        layouts = dict.fromkeys(self.channel_last, "NHWC")
        source = request["layouts"]
        return [
            spec_of(tensor, layouts.get(j, source[j] if j < len(source) else ""))
            for tensor, j in zip(self.session.inputs, self.order, strict=True)
        ]


def _require_finite(pairs: list[Outputs]) -> None:
    """No infinite numbers and none that are no numbers, where the original has none.

    Raises:
        StepFailed: there are.
    """
    for pair in pairs:
        bad = ~numpy.isfinite(pair.artifact) & numpy.isfinite(pair.original)
        if bad.any():
            samples = int(bad.reshape(len(bad), -1).any(1).sum())
            raise StepFailed(
                f"the model gives NaN or infinity for {samples} of {len(bad)} samples",
                hint="--recipe float, or a recipe that keeps more in float: int8-static-layers",
            )


def _as_original(artifact: Any, original: Any) -> Any:
    """A channel-last feature map in the original's layout."""
    if artifact.shape == original.shape or artifact.ndim != 5:
        return artifact
    turned = artifact.transpose(0, 1, 4, 2, 3)
    return turned if turned.shape == original.shape else artifact


def _pair(reference: list[Any], outputs: list[Any]) -> list[int]:
    """For each output of the original, which output of the artifact is nearest."""
    order: list[int] = []
    for original in reference:
        best, best_distance = -1, float("inf")
        for j, found in enumerate(outputs):
            if j in order or found.size != original.size:
                continue
            distance = float(numpy.abs(found.ravel() - original.ravel()).mean())
            if best < 0 or distance < best_distance:
                best, best_distance = j, distance
        order.append(max(best, 0))
    return order


def _details(session: Any) -> list[dict[str, Any]]:
    return [{"name": t.name, "shape": [max(s, 1) for s in t.shape]} for t in session.inputs]


def _write_golden(request: dict[str, Any], model: _Model, inputs: list[Any]) -> dict[str, Any]:
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
    request: dict[str, Any], model: _Model, reference: list[Any], count: int
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


def _write_vectors(request: dict[str, Any], model: _Model, inputs: list[Any]) -> None:
    """What the runtimes of boards have to reproduce (see proof.py)."""
    count = min(PROOF_SAMPLES, len(inputs[0]))
    feeds = [model.feed([array[i] for array in inputs]) for i in range(count)]
    write_vectors(request["vectors"], feeds, [model.session.run(feed) for feed in feeds])
