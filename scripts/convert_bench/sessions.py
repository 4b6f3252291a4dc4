"""Artifacts in the engines of the board package, fed with samples of the source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convert_bench.feeding import Input, arranged, places
from edgekit_runner import engines
from edgekit_runner.samples import dequantize, quantize


class Artifact:
    """A loaded artifact."""

    def __init__(
        self, engine: str, model: str, sources: Sequence[tuple[str, tuple[int, ...]]], threads: int
    ) -> None:
        self.session = engines.find_engine(engine).load(model, threads)
        inputs = [Input(t.name, tuple(t.shape), t.dtype) for t in self.session.inputs]
        self.where = places(sources, inputs)

    def feed(self, sample: Sequence[Any]) -> list[Any]:  # Any: arrays
        """One sample as the artifact takes it."""
        return [
            quantize(array, tensor) if tensor.scale else array.astype(tensor.dtype)
            for array, tensor in zip(
                arranged(sample, self.where), self.session.inputs, strict=True
            )
        ]

    def answer(self, sample: Sequence[Any]) -> list[Any]:  # Any: arrays
        """Real values of the outputs."""
        return [
            dequantize(array, tensor.scale, tensor.zero_point)
            for array, tensor in zip(
                self.session.run(self.feed(sample)), self.session.outputs, strict=True
            )
        ]
