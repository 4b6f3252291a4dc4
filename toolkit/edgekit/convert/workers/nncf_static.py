"""Static quantization by NNCF: OpenVINO models, and ONNX transformers for SmoothQuant."""

from __future__ import annotations

from collections.abc import Callable, Iterable
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
MAX_UNLIKENESS = 0.01
"""Accuracy control stops when the outputs' cosine is within this of one on average."""
RANKING_SAMPLES = 100
"""Samples that rank the layers which it may put back."""
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
    if parameters["keep_float"] != "accuracy":
        return nncf.quantize(model, dataset, **options)
    return nncf.quantize_with_accuracy_control(
        model,
        calibration_dataset=dataset,
        validation_dataset=nncf.Dataset(list(enumerate(feeds)), lambda pair: pair[1]),
        validation_fn=_likeness(model, feeds),
        max_drop=MAX_UNLIKENESS,
        drop_type=nncf.DropType.ABSOLUTE,
        advanced_quantization_parameters=options.pop("advanced_parameters"),
        advanced_accuracy_restorer_parameters=nncf.AdvancedAccuracyRestorerParameters(
            ranking_subset_size=min(len(feeds), RANKING_SAMPLES)
        ),
        **options,
    )


# Any: OpenVINO models, arrays
def _likeness(model: Any, feeds: list[list[Any]]) -> Callable[[Any, Iterable[Any]], float]:
    """How like the float model's outputs those of a model are: mean cosine of the worst output."""
    import openvino

    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(model.clone(), "CPU", exact)
    wanted = [_outputs(compiled, feed) for feed in feeds]

    def measure(candidate: Any, items: Iterable[Any]) -> float:
        found = [min(map(_cosine, wanted[i], _outputs(candidate, arrays))) for i, arrays in items]
        return float(numpy.mean(found))

    return measure


def _outputs(compiled: Any, arrays: list[Any]) -> list[Any]:
    values = compiled([numpy.ascontiguousarray(a) for a in arrays])
    return [
        numpy.array(values[output], dtype=numpy.float64).ravel() for output in compiled.outputs
    ]


def _cosine(wanted: Any, got: Any) -> float:
    """Of vectors; of single values, how little they differ for their size."""
    if wanted.size == 1:
        size = max(float(abs(wanted[0])), 1.0)
        return max(0.0, 1.0 - float(abs(wanted[0] - got[0])) / size)
    norm = float(numpy.linalg.norm(wanted) * numpy.linalg.norm(got))
    return float(wanted @ got) / norm if norm else 1.0


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
