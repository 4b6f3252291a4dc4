"""An artifact in the host's engine, compared with its original."""

from __future__ import annotations

from typing import Any

import numpy

from edgekit.convert.workers.comparison import Outputs
from edgekit.convert.workers.tensor_specs import spec_of
from edgekit.convert.workers.tflite_files import arrange
from edgekit.core.errors import StepFailed
from edgekit_runner.samples import dequantize, quantize


class ArtifactModel:
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
        require_finite(pairs)
        return pairs

    def input_specs(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        """Specs with the layout of picture inputs."""
        layouts = dict.fromkeys(self.channel_last, "NHWC")
        source = request["layouts"]
        return [
            spec_of(tensor, layouts.get(j, source[j] if j < len(source) else ""))
            for tensor, j in zip(self.session.inputs, self.order, strict=True)
        ]


def require_finite(pairs: list[Outputs]) -> None:
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


def input_details(session: Any) -> list[dict[str, Any]]:
    """Names and shapes of the inputs."""
    return [{"name": t.name, "shape": [max(s, 1) for s in t.shape]} for t in session.inputs]
