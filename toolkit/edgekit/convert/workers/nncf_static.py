"""Static quantization by NNCF: OpenVINO models, and ONNX transformers for SmoothQuant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy

from edgekit.convert.workers.openvino_layers import layers_of
from edgekit.core.errors import UnsupportedModel

ATTENTION = ("Softmax", "SoftMax", "ScaledDotProductAttention")
"""Operations (ONNX's and OpenVINO's names) without one of which a model is no transformer."""
RECURRENT = tuple(
    f"{kind}{part}" for kind in ("LSTM", "GRU", "RNN") for part in ("Sequence", "Cell")
)
"""OpenVINO's processor plug-in wants their weights as constants and refuses rounded ones."""
NOT_COMPUTED = ("Constant", "Parameter", "Result")


# Any: an OpenVINO model
def quantize_openvino(
    model: Any, samples: str, parameters: dict[str, Any], keep_float: Iterable[str] = ()
) -> Any:
    """The quantized model.

    Args:
        model: of OpenVINO, in float32.
        samples: path of the samples file.
        parameters: of the recipe.
        keep_float: names of operations that stay in float32.
    """
    from edgekit.convert.workers.samples_file import read_inputs

    inputs = read_inputs(samples)
    feeds = [[array[i] for array in inputs] for i in range(len(inputs[0]))]
    import nncf

    dataset = nncf.Dataset(feeds, lambda arrays: [numpy.ascontiguousarray(a) for a in arrays])
    operations = model.get_ops()
    kinds = {operation.get_type_name() for operation in operations}
    kept = list(keep_float)
    kept += [o.get_friendly_name() for o in operations if o.get_type_name() in RECURRENT]
    if parameters["scope"] == "layers":
        layers = {layer.name for layer in layers_of(model)}
        computed = [o for o in operations if o.get_type_name() not in NOT_COMPUTED]
        kept += [o.get_friendly_name() for o in computed if o.get_friendly_name() not in layers]
    options = _options(parameters, kinds, len(feeds), list(dict.fromkeys(kept)))
    return nncf.quantize(model, dataset, **options)


def quantize_onnx(path: str, request: dict[str, Any]) -> None:  # Any: JSON
    """Writes the quantized ONNX model, in the explicit QDQ form that ONNX Runtime reads."""
    import nncf
    import onnx

    from edgekit.convert.workers.onnx_files import sample_feeds

    model = onnx.load(path)
    feeds = list(sample_feeds(path, request["samples"]))
    kinds = {node.op_type for node in model.graph.node}
    options = _options(request["parameters"], kinds, len(feeds), [])
    onnx.save(nncf.quantize(model, nncf.Dataset(feeds), **options), request["out"])


# Any: JSON, nncf's options
def _options(
    parameters: dict[str, Any], kinds: set[str], count: int, keep_float: list[str]
) -> dict[str, Any]:
    import nncf
    from nncf.quantization.advanced_parameters import AdvancedSmoothQuantParameters
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet as Estimators

    advanced = nncf.AdvancedQuantizationParameters()
    estimators = {
        "min-max": Estimators.MINMAX,
        "mse": Estimators.HISTOGRAM,
        "percentile": Estimators.MEAN_QUANTILE,
    }
    advanced.activations_range_estimator_params = estimators[parameters["ranges"]]
    advanced.disable_bias_correction = parameters["bias_correction"] == "none"
    if parameters.get("keep_weights"):  # else they are stored as int8 and cannot be undone
        advanced.backend_params = {"compress_weights": False}
    advanced.disable_channel_alignment = not parameters["is_equalized"]
    options = {
        "subset_size": count,
        "fast_bias_correction": False,
        "target_device": nncf.TargetDevice.CPU,
        "preset": nncf.QuantizationPreset.MIXED,
        "advanced_parameters": advanced,
    }
    alpha = parameters["smooth_alpha"]
    if alpha is not None:
        if not kinds & set(ATTENTION):
            raise UnsupportedModel(
                "the model has no attention, which SmoothQuant is for", hint="--recipe int8-static"
            )
        advanced.smooth_quant_alphas = AdvancedSmoothQuantParameters(convolution=-1, matmul=alpha)
        options["model_type"] = nncf.ModelType.TRANSFORMER
    if keep_float:
        options["ignored_scope"] = nncf.IgnoredScope(names=keep_float)
    return options
