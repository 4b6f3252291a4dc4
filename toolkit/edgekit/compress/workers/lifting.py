"""An exported program as a module of layers again, so that it can be pruned and trained.

An exported program calls convolutions as functions of weights and has the batch of its example
written into its reshapes. Lifting puts ``torch.nn`` layers in the place of those calls and takes
the batch from what comes in. The result computes the same and is exported like any module.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

aten = torch.ops.aten


class BatchReshape(nn.Module):  # type: ignore[misc]  # torch is not typed here
    """A reshape that keeps the batch and whatever dimensions the input already has."""

    def __init__(self, sizes: list[int | str]) -> None:
        super().__init__()
        self.sizes = sizes

    def forward(self, value: Any) -> Any:  # Any: tensors
        """``keep`` takes the input's dimension at that place."""
        sizes = [value.shape[i] if size == "keep" else size for i, size in enumerate(self.sizes)]
        return value.reshape(sizes)


class BatchExpand(nn.Module):  # type: ignore[misc]  # likewise
    """An expansion over the batch of another value."""

    def __init__(self, sizes: list[int]) -> None:
        super().__init__()
        self.sizes = sizes

    def forward(self, value: Any, like: Any) -> Any:  # Any: tensors
        """The first dimension is the batch of ``like``."""
        return value.expand([like.shape[0], *self.sizes[1:]])


def lift(program: Any) -> Any:  # Any: an ExportedProgram, a torch module
    """The program as a module whose layers are layers."""
    module = program.module(check_guards=False)
    graph = module.graph
    made: dict[tuple[object, ...], str] = {}
    for position, node in enumerate(list(graph.nodes)):
        builder = BUILDERS.get(node.target) if node.op == "call_function" else None
        built = builder(module, node) if builder else None
        if built is None:
            continue
        layer, inputs = built
        key = _identity(node) if next(layer.parameters(), None) is not None else (position,)
        name = made.get(key)
        if name is None:  # the same weights used twice are one layer
            name = f"layer_{len(made)}_{type(layer).__name__.lower()}"
            made[key] = name
            module.add_submodule(name, layer)
        with graph.inserting_after(node):
            call = graph.call_module(name, args=inputs)
        call.meta = dict(node.meta)
        node.replace_all_uses_with(call)
        graph.erase_node(node)
    _remove_batch_checks(graph)
    graph.eliminate_dead_code()
    lifted = torch.fx.GraphModule(module, graph)  # takes along what the graph uses, nothing else
    for parameter in lifted.parameters():
        parameter.requires_grad_(True)
    return lifted.eval()


def heads(module: Any) -> list[Any]:  # Any: a lifted module, its layers
    """The layers whose channels are the model's outputs: those must keep their width."""
    output = next(node for node in module.graph.nodes if node.op == "output")
    found, seen, queue = [], set(), list(output.all_input_nodes)
    while queue:
        node = queue.pop()
        if node in seen:
            continue
        seen.add(node)
        layer = module.get_submodule(node.target) if node.op == "call_module" else None
        if isinstance(layer, WIDE):
            found.append(layer)
            continue
        queue.extend(node.all_input_nodes)
    return found


WIDE = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.Linear)
"""Layers that choose their own number of channels."""


def _identity(node: Any) -> tuple[object, ...]:
    """What makes two calls the same layer: function, weights and constants."""
    parts = [
        argument.target if argument.op == "get_attr" else "" for argument in node.all_input_nodes
    ]
    constants = [a for a in node.args if not isinstance(a, torch.fx.Node)]
    return (node.target, *parts, str(constants), str(node.kwargs))


def _attribute(module: Any, node: Any) -> Any:
    """The tensor behind a ``get_attr`` node, or None for anything else."""
    if not isinstance(node, torch.fx.Node) or node.op != "get_attr":
        return None
    value = operator.attrgetter(node.target)(module)
    return value.detach() if isinstance(value, torch.Tensor) else None


def _argument(node: Any, position: int, name: str, default: Any) -> Any:
    if len(node.args) > position:
        return node.args[position]
    return node.kwargs.get(name, default)


def _set(layer: Any, name: str, value: Any) -> None:
    if value is None:
        setattr(layer, name, None)
    elif name in ("running_mean", "running_var"):
        getattr(layer, name).copy_(value)
    else:
        setattr(layer, name, nn.Parameter(value.clone()))


Built = tuple[Any, tuple[Any, ...]] | None


def _convolution(kind: Any, dimensions: int) -> Callable[[Any, Any], Built]:
    def build(module: Any, node: Any) -> Built:
        weight = _attribute(module, node.args[1])
        bias_node = _argument(node, 2, "bias", None)
        bias = _attribute(module, bias_node)
        if weight is None or (bias_node is not None and bias is None):
            return None
        padding = _argument(node, 4, "padding", [0] * dimensions)
        groups = _argument(node, 6, "groups", 1)
        layer = kind(
            weight.shape[1] * groups,
            weight.shape[0],
            tuple(weight.shape[2:]),
            stride=_tuple(_argument(node, 3, "stride", [1] * dimensions)),
            padding=padding if isinstance(padding, str) else _tuple(padding),
            dilation=_tuple(_argument(node, 5, "dilation", [1] * dimensions)),
            groups=groups,
            bias=bias is not None,
        )
        _set(layer, "weight", weight)
        _set(layer, "bias", bias)
        return layer, (node.args[0],)

    return build


def _tuple(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(value) if len(value) > 1 else value[0]
    return value


def _linear(module: Any, node: Any) -> Built:
    weight = _attribute(module, node.args[1])
    bias_node = _argument(node, 2, "bias", None)
    bias = _attribute(module, bias_node)
    if weight is None or (bias_node is not None and bias is None):
        return None
    return _dense(weight, bias), (node.args[0],)


def _product(module: Any, node: Any) -> Built:
    """``matmul(x, W)``, as ONNX writes a dense layer."""
    weight = _attribute(module, node.args[1])
    if weight is None or weight.dim() != 2:
        return None
    return _dense(weight.t().contiguous(), None), (node.args[0],)


def _addmm(module: Any, node: Any) -> Built:
    weight = _attribute(module, node.args[2])
    bias = _attribute(module, node.args[0])
    if weight is None or bias is None or weight.dim() != 2 or bias.dim() != 1 or node.kwargs:
        return None
    return _dense(weight.t().contiguous(), bias), (node.args[1],)


def _dense(weight: Any, bias: Any) -> Any:
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    _set(layer, "weight", weight)
    _set(layer, "bias", bias)
    return layer


def _batch_norm(module: Any, node: Any) -> Built:
    tensors = [_attribute(module, argument) for argument in node.args[1:5]]
    if any(value is None for value in tensors):
        return None
    rank = node.args[0].meta["val"].dim()
    kind = {4: nn.BatchNorm2d, 5: nn.BatchNorm3d}.get(rank, nn.BatchNorm1d)
    layer = kind(tensors[0].shape[0], eps=node.args[7], momentum=node.args[6])
    for name, value in zip(
        ("weight", "bias", "running_mean", "running_var"), tensors, strict=True
    ):
        _set(layer, name, value)
    return layer, (node.args[0],)


def _layer_norm(module: Any, node: Any) -> Built:
    weight = _attribute(module, _argument(node, 2, "weight", None))
    bias = _attribute(module, _argument(node, 3, "bias", None))
    if weight is None:
        return None
    layer = nn.LayerNorm(node.args[1], eps=_argument(node, 4, "eps", 1e-5))
    _set(layer, "weight", weight)
    _set(layer, "bias", bias)
    return layer, (node.args[0],)


def _group_norm(module: Any, node: Any) -> Built:
    weight = _attribute(module, _argument(node, 2, "weight", None))
    bias = _attribute(module, _argument(node, 3, "bias", None))
    if weight is None or bias is None:
        return None
    layer = nn.GroupNorm(node.args[1], weight.shape[0], eps=_argument(node, 4, "eps", 1e-5))
    _set(layer, "weight", weight)
    _set(layer, "bias", bias)
    return layer, (node.args[0],)


def _prelu(module: Any, node: Any) -> Built:
    weight = _attribute(module, node.args[1])
    if weight is None:
        return None
    layer = nn.PReLU(weight.numel())
    _set(layer, "weight", weight.reshape(-1))
    return layer, (node.args[0],)


def _embedding(module: Any, node: Any) -> Built:
    weight = _attribute(module, node.args[0])
    if weight is None:
        return None
    layer = nn.Embedding(*weight.shape)
    _set(layer, "weight", weight)
    return layer, (node.args[1],)


def _dropout(module: Any, node: Any) -> Built:
    return nn.Dropout(node.args[1]), (node.args[0],)


def _reshape(module: Any, node: Any) -> Built:
    value = node.args[0].meta.get("val") if isinstance(node.args[0], torch.fx.Node) else None
    sizes = list(node.args[1])
    if value is None or not all(isinstance(size, int) for size in sizes):
        return None
    shape = list(value.shape)
    if not shape or shape[0] != 1 or sizes[0] not in (1, -1):
        return None
    kept: list[int | str] = ["keep"]
    for i, size in enumerate(sizes[1:], 1):
        same = all(a == b for a, b in zip(sizes[1 : i + 1], shape[1 : i + 1], strict=False))
        kept.append("keep" if i < len(shape) and same and size != -1 else size)
    if len(kept) == 2 and kept[1] != "keep":
        kept[1] = -1
    elif -1 not in kept and isinstance(kept[-1], int):
        kept[-1] = -1  # channels may be fewer later
    return BatchReshape(kept), (node.args[0],)


def _expand(module: Any, node: Any) -> Built:
    sizes = list(node.args[1])
    value = _attribute(module, node.args[0])
    if value is None or sizes[:1] != [1]:
        return None
    first = next(n for n in node.graph.nodes if n.op == "placeholder")
    return BatchExpand(sizes), (node.args[0], first)


BUILDERS: dict[Any, Callable[[Any, Any], Built]] = {
    aten.conv1d.default: _convolution(nn.Conv1d, 1),
    aten.conv2d.default: _convolution(nn.Conv2d, 2),
    aten.conv2d.padding: _convolution(nn.Conv2d, 2),
    aten.conv1d.padding: _convolution(nn.Conv1d, 1),
    aten.linear.default: _linear,
    aten.matmul.default: _product,
    aten.mm.default: _product,
    aten.addmm.default: _addmm,
    aten.batch_norm.default: _batch_norm,
    aten.layer_norm.default: _layer_norm,
    aten.group_norm.default: _group_norm,
    aten.prelu.default: _prelu,
    aten.embedding.default: _embedding,
    aten.dropout.default: _dropout,
    aten.view.default: _reshape,
    aten.reshape.default: _reshape,
    aten.expand.default: _expand,
}


def _remove_batch_checks(graph: Any) -> None:
    for node in list(graph.nodes):
        if node.op == "call_function" and "assert" in str(node.target) and not node.users:
            graph.erase_node(node)
