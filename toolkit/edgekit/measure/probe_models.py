"""Worker: matrix products as model files, by which an engine shows its peak on a board.

request  {"format": "onnx"|"tflite", "folder": PATH}
reply    {"macs": N, "models": {"float32": PATH, "int8": PATH}}
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

ROWS, DEPTH, COLUMNS = 256, 512, 512
"""Weights of 1 MB in float32 and enough rows to hide reading them: the shape of a 1 x 1 convolution
over 16 x 16 pixels, the middle of MobileNet and EfficientNet."""
SCALE = 0.05
OPSET, IR_VERSION = 17, 8


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the module's docstring."""
    folder = Path(request["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    make = {"onnx": _onnx, "tflite": _tflite}[request["format"]]
    paths = {}
    for precision in ("float32", "int8"):
        path = folder / f"{precision}.{request['format']}"
        path.write_bytes(make(precision))
        paths[precision] = str(path)
    return {"macs": ROWS * DEPTH * COLUMNS, "models": paths}


def _weights() -> Any:  # Any: a numpy array
    import numpy

    return numpy.random.default_rng(0).standard_normal((DEPTH, COLUMNS)).astype("float32") * SCALE


def _integers() -> Any:  # Any: a numpy array
    import numpy

    return numpy.random.default_rng(0).integers(-127, 128, (DEPTH, COLUMNS)).astype("int8")


def _onnx(precision: str) -> bytes:
    """A MatMul, in int8 between quantizing nodes that engines fold into it."""
    import numpy
    from onnx import TensorProto, helper, numpy_helper

    def value(name: str, shape: list[int]) -> Any:  # Any: onnx's ValueInfoProto
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    def constant(name: str, array: Any) -> Any:  # Any: numpy array in, TensorProto out
        return numpy_helper.from_array(array, name)

    node = helper.make_node
    if precision == "float32":
        nodes = [node("MatMul", ["x", "w"], ["y"])]
        weights = [constant("w", _weights())]
    else:
        nodes = [
            node("QuantizeLinear", ["x", "s", "z"], ["xq"]),
            node("DequantizeLinear", ["xq", "s", "z"], ["xd"]),
            node("DequantizeLinear", ["w", "s", "wz"], ["wd"]),
            node("MatMul", ["xd", "wd"], ["m"]),
            node("QuantizeLinear", ["m", "s", "z"], ["mq"]),
            node("DequantizeLinear", ["mq", "s", "z"], ["y"]),
        ]
        weights = [
            constant("w", _integers()),
            constant("s", numpy.float32(SCALE)),
            constant("z", numpy.uint8(128)),
            constant("wz", numpy.int8(0)),
        ]
    graph = helper.make_graph(
        nodes, "peak", [value("x", [ROWS, DEPTH])], [value("y", [ROWS, COLUMNS])], weights
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = IR_VERSION
    return bytes(model.SerializeToString())


def _tflite(precision: str) -> bytes:
    """A FULLY_CONNECTED."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    is_int8 = precision == "int8"
    kind = schema.TensorType.INT8 if is_int8 else schema.TensorType.FLOAT32
    weights = (_integers() if is_int8 else _weights()).T.copy()

    def tensor(name: str, shape: list[int], buffer: int) -> Any:  # Any: the schema's object
        made = schema.TensorT()
        made.name, made.shape, made.type, made.buffer = name.encode(), shape, kind, buffer
        if is_int8:
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale, made.quantization.zeroPoint = [SCALE], [0]
        return made

    def buffer(data: bytes) -> Any:  # Any: the schema's object
        made = schema.BufferT()
        made.data = list(data) if data else None
        return made

    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [0, 1, -1], [2]
    operator.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    operator.builtinOptions = schema.FullyConnectedOptionsT()
    graph = schema.SubGraphT()
    graph.tensors = [
        tensor("x", [ROWS, DEPTH], 0),
        tensor("w", [COLUMNS, DEPTH], 1),
        tensor("y", [ROWS, COLUMNS], 0),
    ]
    graph.inputs, graph.outputs, graph.operators = [0], [2], [operator]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.FULLY_CONNECTED
    code.version = 4 if is_int8 else 1
    model = schema.ModelT()
    model.version, model.operatorCodes, model.subgraphs = 3, [code], [graph]
    model.buffers = [buffer(b""), buffer(weights.tobytes())]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
