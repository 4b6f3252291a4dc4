"""ONNX to a torch module by onnx2torch."""

from __future__ import annotations

import sys
from collections import Counter
from types import ModuleType
from typing import Any

from edgekit.convert.workers.operations import listed
from edgekit.core.errors import UnsupportedModel

NEWEST_OPSET = 17
"""onnx2torch 1.5 does not know the reductions of opset 18 with their axes as an input."""


def to_torch(model: Any) -> Any:  # Any: a ModelProto, a torch module
    """The model as a torch module in evaluation mode.

    Raises:
        UnsupportedModel: an operation is not known to onnx2torch.
    """
    _make_torchvision_importable()
    import onnx2torch

    from edgekit.convert.workers.onnx2torch_operations import register

    register()
    model = _known_forms(model)
    _require_known(model)
    return onnx2torch.convert(model).eval()


def _require_known(model: Any) -> None:  # Any: a ModelProto
    """Every operation is known.

    Raises:
        UnsupportedModel: some are not; all of them are named.
    """
    from onnx2torch.node_converters import registry

    versions = {entry.domain: entry.version for entry in model.opset_import}
    unknown: Counter[str] = Counter()
    for node in model.graph.node:
        try:
            registry.get_converter(node.op_type, versions.get(node.domain, 1), node.domain)
        except NotImplementedError:
            unknown[f"{node.domain}.{node.op_type}" if node.domain else node.op_type] += 1
    if unknown:
        raise UnsupportedModel(
            f"onnx2torch does not know {listed(unknown)}", hint="--engine onnxruntime"
        )


def _known_forms(model: Any) -> Any:  # Any: a ModelProto
    """The same model in forms that onnx2torch knows: an older operator set, plain reshapes."""
    from onnx import numpy_helper, version_converter

    version = max(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    if version > NEWEST_OPSET:
        try:
            model = version_converter.convert_version(model, NEWEST_OPSET)
        except RuntimeError:
            return model  # an operation has no older form; onnx2torch may still know this one
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Reshape" and node.input[1] in constants:
            sizes = numpy_helper.to_array(constants[node.input[1]])
            if (sizes != 0).all():  # then allowzero changes nothing
                kept = [a for a in node.attribute if a.name != "allowzero"]
                del node.attribute[:]
                node.attribute.extend(kept)
    return model


def _make_torchvision_importable() -> None:
    """onnx2torch imports torchvision for two detection operations, NonMaxSuppression and RoiAlign.

    torchvision's binary part does not load beside a CPU build of torch. Then a placeholder takes
    its place, which refuses models that have those operations.
    """
    try:
        import torchvision  # noqa: F401
    except (RuntimeError, ImportError, OSError):
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        package, operations = ModuleType("torchvision"), ModuleType("torchvision.ops")
        for name in ("nms", "box_convert", "roi_align"):
            setattr(operations, name, _refuse)
        package.ops = operations  # type: ignore[attr-defined]  # made here
        sys.modules |= {"torchvision": package, "torchvision.ops": operations}


def _refuse(*arguments: object, **options: object) -> object:
    raise UnsupportedModel(
        "the model has detection operations (NonMaxSuppression, RoiAlign) that this route lacks",
        hint="--engine onnxruntime",
    )
