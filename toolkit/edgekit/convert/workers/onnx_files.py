"""Reading and writing ONNX files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from edgekit.convert.workers.onnx_checks import require_known, require_size
from edgekit.core.errors import ConfigError, UnsupportedModel

MAX_IR_VERSION = 10
"""What ONNX Runtime 1.19, the newest for Python 3.9, reads. Source: its release notes."""
DTYPES = {1: "float32", 2: "uint8", 3: "int8", 5: "int16", 6: "int32", 7: "int64", 9: "bool"}
DTYPES |= {10: "float16", 11: "float64"}
"""TensorProto.DataType to numpy. Source: onnx.proto."""


def load_onnx(path: str) -> Any:  # Any: a ModelProto
    """The model with its external data.

    Raises:
        UnsupportedModel: damaged, too new, of operations that nobody has, or its external data is
            missing or lies outside its folder.
    """
    import onnx

    require_size(path)
    try:
        model = onnx.load(path)
        require_known(model)
        onnx.checker.check_model(path)
    except UnsupportedModel:
        raise
    except Exception as err:  # protobuf and the checker raise many kinds
        text = str(err).strip().splitlines()
        if "MaxDepth" in str(err):
            text = ["its graphs are nested deeper than its format allows"]
        raise UnsupportedModel(
            f"the ONNX file cannot be read: {text[0][:300] if text else type(err).__name__}",
            hint="is the file complete? copy or export it again",
        ) from err
    return model


def prepare_for_quantization(model: str, out: str) -> None:
    """Shapes inferred and constants folded, as ONNX Runtime's quantizers want it."""
    from onnxruntime.quantization.shape_inference import quant_pre_process

    try:
        quant_pre_process(model, out, skip_symbolic_shape=False)
    except Exception:  # noqa: BLE001  symbolic inference raises plain Exceptions; it is a help only
        quant_pre_process(model, out, skip_symbolic_shape=True)
    import onnx

    onnx.save(tidied(onnx.load(out)), out)


def tidied(model: Any) -> Any:  # Any: ModelProtos
    """Constants as weights, biases as vectors, and no types of tensors that are gone.

    Quantizers look for weights among the initializers only, and ONNX Runtime's fails on biases
    of the shape [1, n], which its own fusion of MatMul and Add makes.
    """
    from onnx import numpy_helper

    graph = model.graph
    constants = [node for node in graph.node if _constant(node) is not None]
    for node in constants:
        tensor = _constant(node)
        graph.initializer.append(tensor)
        graph.initializer[-1].name = node.output[0]
        graph.node.remove(node)
    weights = {tensor.name: tensor for tensor in graph.initializer}
    readers = Counter(name for node in graph.node for name in node.input)
    for node in graph.node:
        bias = weights.get(node.input[2]) if len(node.input) > 2 else None
        if node.op_type != "Gemm" or bias is None or readers[bias.name] > 1:
            continue
        if len(bias.dims) == 2 and bias.dims[0] == 1:
            flat = numpy_helper.to_array(bias).reshape(-1)
            bias.CopyFrom(numpy_helper.from_array(flat, bias.name))
    there = {name for node in graph.node for name in node.output}
    kept = [value for value in graph.value_info if value.name in there]
    del graph.value_info[:]
    graph.value_info.extend(kept)
    return model


def _constant(node: Any) -> Any:  # Any: a NodeProto, a TensorProto
    """The tensor of a Constant node; None for other nodes and for sparse or text values."""
    if node.op_type != "Constant":
        return None
    return next((a.t for a in node.attribute if a.name == "value"), None)


def save_for_boards(model: Any, path: str) -> None:  # Any: a ModelProto
    """Writes the model so that runtimes of older boards read it."""
    import onnx

    model.ir_version = min(model.ir_version, MAX_IR_VERSION)
    onnx.save(model, path)


def lowered(model: Any, newest: int | None) -> Any:  # Any: ModelProtos
    """The model in an opset that the board's runtime reads.

    Raises:
        UnsupportedModel: an operation of it does not exist in that opset.
    """
    import onnx

    has = max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=1)
    if newest is None or has <= newest:
        return model
    try:
        return onnx.version_converter.convert_version(model, newest)
    except Exception as err:  # the converter raises RuntimeError and its own kinds
        text = str(err).strip().splitlines()
        raise UnsupportedModel(
            f"the model is of opset {has}, the board's runtime reads up to {newest}, and it cannot "
            f"be lowered: {text[0][:300] if text else type(err).__name__}",
            hint=f"export it with opset {newest}, or choose another --engine",
        ) from err


def graph_inputs(model: Any) -> list[Any]:  # Any: a ModelProto, its ValueInfoProtos
    """Inputs that are not weights."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in weights]


def spec_of(value: Any) -> dict[str, Any]:  # Any: a ValueInfoProto, JSON
    """Name, shape (-1 for free dimensions) and dtype."""
    kind = value.type.tensor_type
    shape = [d.dim_value if d.HasField("dim_value") else -1 for d in kind.shape.dim]
    return {"name": value.name, "shape": shape, "dtype": DTYPES.get(kind.elem_type, "unknown")}


def input_specs(model: Any) -> list[dict[str, Any]]:  # Any: a ModelProto, JSON
    """Specs of the inputs."""
    return [spec_of(value) for value in graph_inputs(model)]


# Any: a ModelProto
def fixed_shapes(model: Any, shapes: Mapping[str, list[int]]) -> Any:
    """The model with every free input dimension fixed: the batch to 1, others as asked.

    Raises:
        ConfigError: a shape was given for an input that does not exist, or of another rank.
        UnsupportedModel: a dimension besides the batch is free and no shape was given.
    """
    import onnx

    inputs = graph_inputs(model)
    names = [value.name for value in inputs]
    unknown = sorted(set(shapes) - set(names))
    if unknown:
        raise ConfigError(
            f"--shape names {unknown[0]!r}, the model's inputs are: {', '.join(names)}",
            hint=f"--shape {names[0]}=1x3x224x224",
        )
    changed = False
    for value in inputs:
        changed |= _fix_dimensions(value, shapes.get(value.name))
    if changed:
        for value in model.graph.output:
            for dim in value.type.tensor_type.shape.dim:
                dim.ClearField("dim_param")
                dim.ClearField("dim_value")
        del model.graph.value_info[:]
        model = onnx.shape_inference.infer_shapes(model)
    return model


def _fix_dimensions(value: Any, wanted: list[int] | None) -> bool:  # Any: a ValueInfoProto
    """Fixes the free dimensions of one input; True when something changed."""
    dims = value.type.tensor_type.shape.dim
    if wanted is not None and len(wanted) != len(dims):
        raise ConfigError(f"--shape {value.name}: the model's input has {len(dims)} dimensions")
    changed = False
    for i, dim in enumerate(dims):
        is_free = not dim.HasField("dim_value") or dim.dim_value <= 0
        if wanted is None and is_free and i > 0:
            raise UnsupportedModel(
                f"dimension {i} of input {value.name!r} is free",
                hint=f"--shape {value.name}=" + "x".join(["1"] * len(dims)),
            )
        size = wanted[i] if wanted is not None else 1 if is_free else dim.dim_value
        changed |= is_free or dim.dim_value != size
        dim.dim_value = size
    return changed


def sample_feeds(model_path: str, samples: str) -> Iterator[dict[str, Any]]:  # Any: arrays
    """One feed per sample, by input name."""
    import onnx

    from edgekit.convert.workers.samples_file import read_inputs

    specs = input_specs(onnx.load(model_path))
    inputs = read_inputs(samples)
    for i in range(len(inputs[0])):
        yield {
            spec["name"]: array[i].astype(spec["dtype"])
            for spec, array in zip(specs, inputs, strict=True)
        }
