"""What a model file holds: inputs, outputs, structure, weights by dtype.

request  {"format": "tflite"|"onnx"|"openvino", "model": PATH}
reply    {"inputs", "outputs": [TensorSpec], "structure": ModelStructure,
          "contents": ModelContents, "licence": TEXT}
"""

from __future__ import annotations

from typing import Any

from edgekit.convert.workers.contents import read_contents
from edgekit.convert.workers.structure import read_structure
from edgekit.convert.workers.tensor_specs import spec_of
from edgekit.core.errors import UnsupportedModel
from edgekit.core.record import to_plain

ENGINES = {"tflite": "litert", "onnx": "onnxruntime", "openvino": "openvino"}


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the module's docstring."""
    from edgekit_runner import engines

    kind, path = request["format"], request["model"]
    try:
        session = engines.find_engine(ENGINES[kind]).load(path, 1)
    except (RuntimeError, ValueError) as err:
        text = str(err).strip().splitlines()
        raise UnsupportedModel(
            f"{ENGINES[kind]} cannot read it: {text[0][:300] if text else 'no reason given'}",
            hint="is the file complete?",
        ) from err
    contents = read_contents(kind, path)
    return {
        "inputs": [spec_of(tensor) for tensor in session.inputs],
        "outputs": [spec_of(tensor) for tensor in session.outputs],
        "structure": to_plain(read_structure(kind, path)),
        "licence": contents.pop("licence"),
        "contents": contents,
    }
