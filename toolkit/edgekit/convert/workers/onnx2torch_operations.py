"""Operations that onnx2torch lacks, or converts in a way that torch.export cannot follow."""

from __future__ import annotations

from typing import Any

import torch
from onnx2torch.node_converters import registry
from onnx2torch.utils.common import OnnxMapping, OperationConverterResult, onnx_mapping_from_node


class FixedReshape(torch.nn.Module):  # type: ignore[misc]  # torch is not typed here
    """Reshape to sizes that are known; onnx2torch's own asks a tensor for them at run time."""

    def __init__(self, sizes: list[int]) -> None:
        super().__init__()
        self.sizes = sizes

    def forward(self, value: Any) -> Any:  # Any: tensors
        """0 keeps a dimension, -1 takes what is left."""
        sizes = [value.shape[i] if size == 0 else size for i, size in enumerate(self.sizes)]
        return torch.reshape(value, sizes)


class GlobalMaximum(torch.nn.Module):  # type: ignore[misc]  # likewise
    """The maximum over all dimensions after the channels."""

    def forward(self, value: Any) -> Any:  # Any: tensors
        """[N, C, ...] to [N, C, 1, ...]."""
        return torch.amax(value, dim=list(range(2, value.dim())), keepdim=True)


def register() -> None:
    """Puts these in front of onnx2torch's own; may be called twice."""
    known = registry._CONVERTER_REGISTRY
    for version in (5, 13, 14):
        description = registry.OperationDescription("", "Reshape", version)
        if description in known and known[description] is not _reshape:
            _theirs[version] = known[description]
            known[description] = _reshape
    known.setdefault(registry.OperationDescription("", "GlobalMaxPool", 1), _global_maximum)


_theirs: dict[int, Any] = {}  # Any: onnx2torch's converters


# Any: onnx2torch's nodes and graphs
def _reshape(node: Any, graph: Any) -> Any:
    shape = node.input_values[1]
    if shape not in graph.initializers:
        return _theirs[max(_theirs)](node, graph)
    sizes = [int(size) for size in graph.initializers[shape].to_torch()]
    return OperationConverterResult(
        torch_module=FixedReshape(sizes),
        onnx_mapping=OnnxMapping(inputs=(node.input_values[0],), outputs=node.output_values),
    )


def _global_maximum(node: Any, graph: Any) -> Any:
    return OperationConverterResult(
        torch_module=GlobalMaximum(), onnx_mapping=onnx_mapping_from_node(node=node)
    )
