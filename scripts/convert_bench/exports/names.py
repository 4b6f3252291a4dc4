"""Names of an ONNX model's inputs."""

from __future__ import annotations


def input_names(path: str) -> list[str]:
    """Those that are not weights."""
    import onnx

    graph = onnx.load(path, load_external_data=False).graph
    weights = {tensor.name for tensor in graph.initializer}
    return [value.name for value in graph.input if value.name not in weights]
