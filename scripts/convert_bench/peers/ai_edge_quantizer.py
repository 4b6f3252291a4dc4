"""ai-edge-quantizer by its own recipes and its own calibration."""

from __future__ import annotations

from typing import Any

NAME = "ai-edge-quantizer"
ENGINE = "litert"
FORMAT = "tflite"
STARTS_FROM = "tflite"
ENVIRONMENT = "onnx"
VARIANTS = ("int8-static", "int8-dynamic")


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the package's docstring."""
    from ai_edge_quantizer import quantizer, recipe

    named = {"int8-static": recipe.static_wi8_ai8, "int8-dynamic": recipe.dynamic_wi8_afp32}
    work = quantizer.Quantizer(request["model"])
    work.load_quantization_recipe(named[request["variant"]]())
    ranges = None
    if work.need_calibration:
        data = calibration(request["model"], request["samples"], request["names"])
        ranges = work.calibrate(data)
    work.quantize(ranges).export_model(request["out"], overwrite=True)
    return {}


# Any: arrays
def calibration(model: str, samples: str, names: list[str]) -> dict[str, list[dict[str, Any]]]:
    """Samples by signature and input, as the quantizer and LiteRT-CLI take them."""
    from ai_edge_litert.interpreter import Interpreter

    from convert_bench.feeding import Input, arranged, places, read_samples

    interpreter = Interpreter(model_path=model)
    key = next(iter(interpreter.get_signature_list()))
    details = interpreter.get_signature_runner(key).get_input_details()
    inputs = [
        Input(name, tuple(int(n) for n in item["shape"]), item["dtype"].__name__)
        for name, item in details.items()
    ]
    arrays = read_samples(samples)
    sources = [(name, array.shape[1:]) for name, array in zip(names, arrays, strict=True)]
    where = places(sources, inputs)
    rows = []
    for i in range(len(arrays[0])):
        feed = arranged([array[i] for array in arrays], where)
        rows.append({t.name: array.astype(t.dtype) for t, array in zip(inputs, feed, strict=True)})
    return {key: rows}
