"""onnxruntime.quantization by its defaults."""

from __future__ import annotations

from typing import Any

NAME = "onnxruntime.quantization"
ENGINE = "onnxruntime"
FORMAT = "onnx"
STARTS_FROM = "onnx"
ENVIRONMENT = "onnx"
VARIANTS = ("int8-static", "int8-dynamic")


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the package's docstring."""
    from onnxruntime.quantization import CalibrationDataReader, quantize_dynamic, quantize_static

    if request["variant"] == "int8-dynamic":
        quantize_dynamic(request["model"], request["out"])
        return {}
    rows = feeds(request)

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # the library is not typed
        """One sample after the other."""

        def get_next(self) -> Any:  # Any: a feed, or None at the end
            """The next feed."""
            return next(rows, None)

    quantize_static(request["model"], request["out"], Reader())
    return {}


def feeds(request: dict[str, Any]) -> Any:  # Any: JSON, an iterator of arrays by name
    """One feed per sample."""
    import onnx

    from convert_bench.feeding import read_samples

    model = onnx.load(request["model"])
    weights = {tensor.name for tensor in model.graph.initializer}
    names = [value.name for value in model.graph.input if value.name not in weights]
    arrays = read_samples(request["samples"])
    for i in range(len(arrays[0])):
        yield {name: array[i] for name, array in zip(names, arrays, strict=True)}
