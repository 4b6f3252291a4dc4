"""The original model: says its inputs and outputs, and computes reference outputs.

request  {"format", "model", "trust", "weights", "shapes", "samples": FOLDER or "", "out": FOLDER or ""}
reply    {"inputs": [{"name", "shape", "dtype"}], "outputs": the same, "tools": {...}}; with
         samples, ``out`` holds ``output_<j>.npy`` [n, ...] (see samples_file)
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

ENVIRONMENTS = {
    "pytorch": "torch",
    "keras": "tensorflow",
    "saved_model": "tensorflow",
    "onnx": "onnx",
    "tflite": "onnx",
    "openvino": "onnx",
    "sklearn": "sklearn",
}
"""Which tool environment runs a format."""

WORTH_ALL_THREADS_S = 0.25
"""A PyTorch model that one thread runs quicker than this keeps one thread.

Threads that wait for each other at every small operation lose more to other work on the machine
than they gain: EfficientNet-Lite0 on two busy cores, 0.06 s per sample by one thread and 0.48 s
by two.
"""


class Original(NamedTuple):
    """A model that can be run on one sample at a time."""

    inputs: list[dict[str, Any]]  # Any: JSON
    run: Callable[[list[Any]], list[Any]]  # Any: arrays


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the module's docstring."""
    import numpy

    from edgekit.core.errors import ConvertError

    readers = {
        "pytorch": _pytorch,
        "keras": _keras,
        "saved_model": _saved_model,
        "onnx": _onnx,
        "tflite": _tflite,
        "openvino": _openvino,
        "sklearn": _sklearn,
    }
    original = readers[request["format"]](request)
    if not request["samples"]:
        zeros = [numpy.zeros(spec["shape"], spec["dtype"]) for spec in original.inputs]
        outputs = original.run(zeros)
        specs = [_spec(f"output_{j}", array) for j, array in enumerate(outputs)]
        return {"inputs": original.inputs, "outputs": specs}
    from edgekit.convert.workers.samples_file import RowFolder, read_inputs

    inputs = read_inputs(request["samples"])
    count, broken = len(inputs[0]), 0
    with RowFolder(request["out"]) as folder:
        for i in range(count):
            # copied: some runtimes keep or write to what they are given
            outputs = original.run([array[i].copy() for array in inputs])
            broken += any(numpy.isnan(a).any() for a in outputs if a.dtype.kind == "f")
            for j, array in enumerate(outputs):
                folder.append(f"output_{j}", array)
        if broken:
            raise ConvertError(
                f"the original itself gives NaN for {broken} of {count} samples",
                hint="are its weights whole, and do the samples fit it (--pipeline)?",
            )
    return {"inputs": original.inputs, "outputs": []}


def _spec(name: str, array: Any) -> dict[str, Any]:  # Any: an array, JSON
    return {"name": name, "shape": list(array.shape), "dtype": array.dtype.name}


def _pytorch(request: dict[str, Any]) -> Original:
    import numpy
    import torch

    from edgekit.convert.workers.pytorch_source import load
    from edgekit.convert.workers.weight_checks import require_numbers

    all_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    source = load(request)
    with torch.no_grad():
        named = source.module.state_dict().items()
        require_numbers((n, t.numpy()) for n, t in named if t.dtype == torch.float32)
    names = list(request["shapes"]) or [f"input_{j}" for j in range(len(source.example))]
    specs = [
        _spec(name, tensor.numpy()) for name, tensor in zip(names, source.example, strict=False)
    ]

    def run(inputs: list[Any]) -> list[Any]:
        with torch.no_grad():
            found = source.module(*[torch.from_numpy(array) for array in inputs])
        values = list(found.values()) if isinstance(found, dict) else found
        values = values if isinstance(values, list | tuple) else [values]
        return [value.numpy() for value in values]

    if request["samples"]:
        zeros = [numpy.zeros(spec["shape"], spec["dtype"]) for spec in specs]
        run(zeros)  # the first call also sets things up
        started = time.perf_counter()
        run(zeros)
        if time.perf_counter() - started > WORTH_ALL_THREADS_S:
            torch.set_num_threads(all_threads)
    return Original(specs, run)


def _keras(request: dict[str, Any]) -> Original:
    from edgekit.convert.workers.keras_source import load, specs_with_shapes
    from edgekit.convert.workers.weight_checks import require_numbers

    model = load(request["model"], trust=request["trust"])
    require_numbers((weight.path, weight.numpy()) for weight in model.weights)
    specs = [
        {"name": name, "shape": list(shape), "dtype": dtype}
        for name, shape, dtype in specs_with_shapes(model, request["shapes"])
    ]

    def run(inputs: list[Any]) -> list[Any]:
        import keras

        found = model(inputs if len(inputs) > 1 else inputs[0], training=False)
        values = list(found.values()) if isinstance(found, dict) else found
        values = values if isinstance(values, list | tuple) else [values]
        return [keras.ops.convert_to_numpy(value) for value in values]

    return Original(specs, run)


def _saved_model(request: dict[str, Any]) -> Original:
    import tensorflow as tf

    from edgekit.core.errors import UnsupportedModel

    try:
        loaded = tf.saved_model.load(request["model"])
    except (OSError, ValueError, RuntimeError) as err:
        raise UnsupportedModel(f"TensorFlow cannot read the model: {str(err)[:300]}") from err
    if "serving_default" not in loaded.signatures:
        raise UnsupportedModel("the SavedModel has no serving_default signature")
    serve = loaded.signatures["serving_default"]
    named = serve.structured_input_signature[1]
    specs = []
    for name, spec in named.items():
        shape = [1 if i == 0 else size for i, size in enumerate(spec.shape)]
        shape = request["shapes"].get(name, shape)
        if any(size is None for size in shape):
            raise UnsupportedModel(
                f"input {name!r} has free dimensions", hint=f"--shape {name}=1x224x224x3"
            )
        specs.append({"name": name, "shape": list(shape), "dtype": spec.dtype.name})

    def run(inputs: list[Any]) -> list[Any]:
        feed = {
            spec["name"]: tf.constant(array) for spec, array in zip(specs, inputs, strict=True)
        }
        found = serve(**feed)
        return [found[key].numpy() for key in sorted(found)]

    return Original(specs, run)


def _onnx(request: dict[str, Any]) -> Original:
    import onnxruntime

    from edgekit.convert.workers.onnx_checks import named_weights, reason_of
    from edgekit.convert.workers.onnx_files import fixed_shapes, input_specs, load_onnx
    from edgekit.convert.workers.weight_checks import require_numbers
    from edgekit.core.errors import UnsupportedModel

    model = load_onnx(request["model"])
    require_numbers(named_weights(model))
    specs = input_specs(fixed_shapes(model, request["shapes"]))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # ONNX Runtime's errors are of many kinds that it does not export
    try:
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as err:
        raise UnsupportedModel(f"ONNX Runtime cannot load the model: {reason_of(err)}") from err

    def run(inputs: list[Any]) -> list[Any]:
        feed = {spec["name"]: array for spec, array in zip(specs, inputs, strict=True)}
        try:
            return list(session.run(None, feed))
        except Exception as err:
            raise UnsupportedModel(f"ONNX Runtime cannot run the model: {reason_of(err)}") from err

    return Original(specs, run)


def _tflite(request: dict[str, Any]) -> Original:
    from edgekit.convert.workers.operations import listed
    from edgekit.core.errors import UnsupportedModel
    from edgekit_runner.engines.litert import load

    try:
        session = load(request["model"], 2)
    except (ValueError, RuntimeError) as err:
        text = str(err).splitlines()[0][:300]
        with open(request["model"], "rb") as stream:
            custom = _custom_operations(stream.read())
        if custom:
            raise UnsupportedModel(
                f"the runtimes of boards lack {listed(custom)}; those named Flex need all of TensorFlow",
                hint="export the file with built-in operations only (TFLITE_BUILTINS), or convert "
                "the model that it was made from with --engine onnxruntime",
            ) from err
        raise UnsupportedModel(
            f"the TFLite file cannot be read: {text}", hint="is the file complete?"
        ) from err
    return _of_session(session)


def _custom_operations(data: bytes) -> Counter[str]:
    """Names of operations that are not TFLite's own; none for a damaged file."""
    from edgekit.convert.workers.tflite_opcodes import read_operator_codes

    try:
        return Counter(code.custom for code in read_operator_codes(data) if code.custom)
    except ValueError:
        return Counter()


def _openvino(request: dict[str, Any]) -> Original:
    from edgekit.core.errors import UnsupportedModel
    from edgekit_runner.engines.openvino import load

    try:
        session = load(request["model"], 2)
    except RuntimeError as err:
        lines = [line for line in str(err).splitlines() if line.strip()]
        raise UnsupportedModel(
            f"OpenVINO cannot read the model: {lines[-1][:300] if lines else 'no reason given'}",
            hint="are .xml and .bin complete, and of the same export?",
        ) from err
    return _of_session(session)


def _of_session(session: Any) -> Original:  # Any: contract.Session
    """A model in one of the runner's engines."""
    specs = [
        {
            "name": tensor.name,
            "shape": [1 if size < 0 else size for size in tensor.shape],
            "dtype": tensor.dtype,
        }
        for tensor in session.inputs
    ]
    return Original(specs, session.run)


def _sklearn(request: dict[str, Any]) -> Original:
    import numpy

    from edgekit.convert.workers.sklearn_source import load

    model = load(request["model"])
    features = int(model.n_features_in_)
    spec = {"name": "features", "shape": [1, features], "dtype": "float32"}

    def run(inputs: list[Any]) -> list[Any]:
        found = [numpy.asarray(model.predict(inputs[0]))]
        if hasattr(model, "predict_proba"):
            found.append(numpy.asarray(model.predict_proba(inputs[0]), dtype=numpy.float32))
        return [array if array.dtype.kind in "fiub" else numpy.zeros(0) for array in found]

    return Original([spec], run)
