"""OpenVINO IR float to smaller forms: int8 by NNCF, int8 weights, half."""

from __future__ import annotations

from typing import Any

SOURCE = "openvino"
TARGET = "openvino"
ENVIRONMENT = "onnx"
COST = 5
RECIPES = ("int8-static", "int8-weights", "fp16", "int4-block")

BLOCK = 32
"""Weights that share a scale."""


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the package's docstring."""
    import openvino

    from edgekit.convert.workers.openvino_files import save_ir
    from edgekit.convert.workers.versions import versions

    model = openvino.Core().read_model(request["model"])
    layers: list[dict[str, Any]] = []  # Any: JSON
    if request["recipe"] == "int8-static":
        model, layers = _static(model, request)
    elif request["recipe"] == "int8-weights":
        import nncf

        model = nncf.compress_weights(model, mode=nncf.CompressWeightsMode.INT8_ASYM)
    elif request["recipe"] == "int4-block":
        import nncf
        from nncf.quantization.advanced_parameters import GroupSizeFallbackMode

        model = nncf.compress_weights(
            model,
            mode=nncf.CompressWeightsMode.INT4_SYM,
            group_size=BLOCK,
            all_layers=True,
            advanced_parameters=nncf.AdvancedCompressionParameters(
                group_size_fallback_mode=GroupSizeFallbackMode.ADJUST
            ),
        )
    save_ir(model, request["out"], compress_to_fp16=request["recipe"] == "fp16")
    return {
        "tools": versions("openvino", "nncf"),
        "warnings": [],
        "channel_last": [],
        "layers": layers,
    }


# Any: OpenVINO models, JSON
def _static(model: Any, request: dict[str, Any]) -> tuple[Any, list[dict[str, Any]]]:
    from edgekit.convert.workers.layers import edge_layers
    from edgekit.convert.workers.nncf_static import quantize_openvino
    from edgekit.convert.workers.openvino_layers import layers_of
    from edgekit.convert.workers.openvino_ranking import rank
    from edgekit.convert.workers.sensitivity import kept_layers

    parameters, samples = request["parameters"], request["samples"]
    layers = layers_of(model)
    kept, report = kept_layers(
        parameters,
        [layer.name for layer in layers],
        lambda: edge_layers(layers),
        lambda: rank(model, samples, parameters),
    )
    return quantize_openvino(model, samples, parameters, kept), report
