"""The JSON subset of the Open Inference Protocol v2: requests to arrays, arrays to answers.

Source: https://github.com/kserve/open-inference-protocol, REST specification.
"""

from __future__ import annotations

from typing import Any, Dict, List, Sequence, Tuple

DATATYPES = {
    "bool": "BOOL",
    "float16": "FP16",
    "float32": "FP32",
    "float64": "FP64",
    "int8": "INT8",
    "int16": "INT16",
    "int32": "INT32",
    "int64": "INT64",
    "uint8": "UINT8",
}
"""numpy's names to the protocol's. Source: its specification, tensor data types."""
MAX_VALUES = 50000000
"""A request with more values is refused."""


class BadInference(Exception):
    """A request that the protocol or the model does not allow."""


def metadata(name: str, version: str, engine: str, session: Any) -> Dict[str, Any]:  # Any: JSON
    """The answer to ``GET v2/models/NAME``."""
    return {
        "name": name,
        "versions": [version],
        "platform": engine,
        "inputs": [_described(tensor) for tensor in session.inputs],
        "outputs": [_described(tensor) for tensor in session.outputs],
    }


def parse_inputs(document: Any, tensors: Sequence[Any]) -> List[Any]:  # Any: JSON, numpy arrays
    """The arrays of a request, in the model's order.

    Raises:
        BadInference: an input is missing, unknown, of another type or shape.
    """
    if not isinstance(document, dict) or not isinstance(document.get("inputs"), list):
        raise BadInference("expected a JSON object with a list of inputs")
    given = {}
    for entry in document["inputs"]:
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise BadInference("every input needs a name")
        given[entry["name"]] = entry
    known = [tensor.name for tensor in tensors]
    unknown = sorted(set(given) - set(known))
    if unknown:
        text = "no input is called %r; the model has: %s"
        raise BadInference(text % (unknown[0][:100], ", ".join(known)))
    missing = [name for name in known if name not in given]
    if missing:
        raise BadInference("the input %r is missing" % missing[0])
    return [_array(given[tensor.name], tensor) for tensor in tensors]


# Any: JSON, numpy arrays
def answer(
    document: Dict[str, Any], name: str, version: str, tensors: Sequence[Any], arrays: List[Any]
) -> Dict[str, Any]:
    """The answer with the outputs that were asked for, or all."""
    import numpy

    asked = {
        entry.get("name") for entry in document.get("outputs") or [] if isinstance(entry, dict)
    }
    outputs = []
    for tensor, values in zip(tensors, arrays):
        if asked and tensor.name not in asked:
            continue
        array = numpy.asarray(values)
        outputs.append(
            {
                "name": tensor.name,
                "shape": list(array.shape),
                "datatype": DATATYPES[array.dtype.name],
                "data": array.ravel().tolist(),
            }
        )
    found = {"model_name": name, "model_version": version, "outputs": outputs}
    if isinstance(document.get("id"), str):
        found["id"] = document["id"][:200]
    return found


def _array(entry: Dict[str, Any], tensor: Any) -> Any:  # Any: JSON, contract.Tensor, numpy array
    import numpy

    name = tensor.name
    expected = DATATYPES[tensor.dtype]
    if entry.get("datatype") != expected:
        text = "input %r: expected datatype %s, got %r"
        raise BadInference(text % (name, expected, entry.get("datatype")))
    shape = _shape(entry.get("shape"), tensor)
    values = entry.get("data")
    if not isinstance(values, list):
        raise BadInference("input %r: expected a list of data (the JSON form)" % name)
    try:
        array = numpy.asarray(values)
        if array.dtype.kind not in "biuf":
            raise ValueError("they are no numbers")
        flat = array.reshape(-1)
        typed = flat.astype(tensor.dtype)
        if array.dtype.kind in "iu" and not (typed == flat).all():
            raise ValueError("a value does not fit into %s" % expected)
        return typed.reshape(shape)
    except (ValueError, OverflowError, TypeError) as error:
        raise BadInference("input %r: %s" % (name, str(error)[:200])) from error


def _shape(given: Any, tensor: Any) -> Tuple[int, ...]:  # Any: JSON, contract.Tensor
    good = isinstance(given, list) and all(
        isinstance(size, int) and not isinstance(size, bool) and 0 < size <= MAX_VALUES
        for size in given
    )
    if not good:
        raise BadInference("input %r: expected a shape of positive numbers" % tensor.name)
    fits = len(given) == len(tensor.shape) and all(
        wanted in (-1, size) for size, wanted in zip(given, tensor.shape)
    )
    if not fits:
        text = "input %r: expected shape %s, got %s"
        raise BadInference(text % (tensor.name, list(tensor.shape), given))
    return tuple(given)


def _described(tensor: Any) -> Dict[str, Any]:  # Any: contract.Tensor, JSON
    return {
        "name": tensor.name,
        "datatype": DATATYPES.get(tensor.dtype, tensor.dtype),
        "shape": list(tensor.shape),
    }
