"""What is sent: recorded inputs of an artifact as tensors, pictures or JPEG."""

from __future__ import annotations

import io
import json
from typing import Any

from edgekit.cloud.serving.tensors import DATATYPES
from edgekit.core.errors import EndpointFailed
from edgekit_runner.engines.contract import Tensor
from edgekit_runner.oip import Tensor as Message
from edgekit_runner.oip import text_element, values_of
from edgekit_runner.samples import Release, preprocess

JPEG_QUALITY = 90


class Payload:
    """The inputs of a request, made anew for each one as an application does."""

    def __init__(self, release: Release, kind: str) -> None:
        """Reads the recorded samples.

        Raises:
            EndpointFailed: pictures are asked for, and the artifact has none.
        """
        self.release = release
        self.kind = kind
        self.specs = release.card["inputs"]
        self.count = max(release.sample_count, 1)
        self.pictures = [release.raw_image(i) for i in range(release.sample_count)]
        self.tensors = [release.tensors(i, "in") for i in range(release.sample_count)]
        if not self.tensors:
            raise EndpointFailed(
                "the artifact has no recorded inputs to send",
                hint="convert it with --calibration or --data",
            )
        if kind != "tensor" and self.pictures[0] is None:
            raise EndpointFailed(f"the artifact has no pictures to send as {kind}")

    def inputs(self, i: int) -> list[Message]:
        """The tensors of request number i."""
        position = i % self.count
        picture = self.pictures[position]
        name = self.specs[0]["name"]
        if self.kind == "jpeg":
            return [Message(name, "BYTES", (1,), text_element(_jpeg(picture)))]
        if self.kind == "picture":
            return [Message(name, "UINT8", tuple(picture.shape), picture.tobytes())]
        arrays = self.tensors[position] if picture is None else [self._prepared(picture)]
        return [
            Message(spec["name"], DATATYPES[array.dtype.name], tuple(array.shape), array.tobytes())
            for spec, array in zip(self.specs, arrays, strict=True)
        ]

    @property
    def forms(self) -> tuple[str, ...]:
        """What the samples can travel as."""
        return ("tensor",) if self.pictures[0] is None else ("tensor", "picture", "jpeg")

    def first_in_each_form(self) -> dict[str, list[Message]]:
        """The first sample's tensors, by form."""
        before, found = self.kind, {}
        for kind in self.forms:
            self.kind = kind
            found[kind] = self.inputs(0)
        self.kind = before
        return found

    def sizes(self) -> dict[str, float]:
        """Mean bytes of a request's tensors in each form that the samples can take."""
        before, found = self.kind, {}
        for kind in ("json", *self.forms):
            self.kind = "tensor" if kind == "json" else kind
            count = min(self.count, 3)
            requests = [self.inputs(i) for i in range(count)]
            found[kind] = sum(_size(tensors, kind) for tensors in requests) / count
        self.kind = before
        return found

    def _prepared(self, picture: Any) -> Any:  # Any: numpy arrays
        spec = self.specs[0]
        scheme = spec.get("quantization") or {"scale": 0.0, "zero_point": 0}
        tensor = Tensor(
            spec["name"],
            tuple(spec["shape"]),
            spec["dtype"],
            scheme["scale"],
            scheme["zero_point"],
        )
        return preprocess(picture, self.release.card["pipeline"], tensor)


def _size(tensors: list[Message], kind: str) -> float:
    if kind != "json":
        return float(sum(len(tensor.data) for tensor in tensors))
    return float(sum(len(json.dumps(values_of(t), separators=(",", ":"))) for t in tensors))


def _jpeg(picture: Any) -> bytes:  # Any: a numpy array
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()
