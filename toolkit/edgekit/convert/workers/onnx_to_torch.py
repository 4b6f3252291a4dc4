"""ONNX to a torch module by onnx2torch."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from edgekit.core.errors import UnsupportedModel


def to_torch(model: Any) -> Any:  # Any: a ModelProto, a torch module
    """The model as a torch module in evaluation mode.

    Raises:
        UnsupportedModel: an operation is not known to onnx2torch.
    """
    _make_torchvision_importable()
    import onnx2torch

    try:
        return onnx2torch.convert(model).eval()
    except NotImplementedError as err:
        text = str(err).splitlines()[0][:300]
        raise UnsupportedModel(
            f"onnx2torch does not know an operation: {text}", hint="--engine onnxruntime"
        ) from err


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
