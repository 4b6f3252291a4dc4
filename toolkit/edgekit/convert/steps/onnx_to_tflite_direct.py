"""ONNX to TFLite by onnx2tf, which writes the flatbuffer itself, without TensorFlow."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

SOURCE = "onnx"
TARGET = "tflite"
ENVIRONMENT = "onnx2tf"
COST = 21
"""After the way through PyTorch: see docs/adr/0006-onnx-to-tflite.md."""
PICTURE_CHANNELS = (1, 3, 4)


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the package's docstring.

    Raises:
        UnsupportedModel: operations have no form in TFLite; all of them are named.
    """
    import onnx

    # its simplifier is called by name, and works in place: hence a copy of the model
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    import onnx2tf

    from edgekit.convert.workers.onnx2tf_coverage import read_report, require_covered
    from edgekit.convert.workers.onnx_files import fixed_shapes, input_specs, load_onnx
    from edgekit.convert.workers.onnx_ml_forms import plain
    from edgekit.convert.workers.versions import versions
    from edgekit.core.errors import UnsupportedModel

    model = fixed_shapes(plain(load_onnx(request["model"])), request["shapes"])
    specs = input_specs(model)
    channel_last = [j for j, spec in enumerate(specs) if is_picture(spec["shape"])]
    folder = Path(request["out"]).parent / "onnx2tf"
    folder.mkdir()
    copy = folder / "model.onnx"
    onnx.save(model, str(copy))
    try:
        onnx2tf.convert(
            input_onnx_file_path=str(copy),
            output_folder_path=str(folder),
            keep_shape_absolutely_input_names=[
                spec["name"] for j, spec in enumerate(specs) if j not in channel_last
            ],
            report_op_coverage=True,
            verbosity="error",
        )
    except (Exception, SystemExit) as err:  # it raises plain kinds
        require_covered(folder)
        text = str(read_report(folder).get("conversion_error") or err).strip()
        raise UnsupportedModel(
            f"onnx2tf cannot convert it: {text[:300] or type(err).__name__}",
            hint="--engine onnxruntime",
        ) from err
    require_covered(folder)
    written = folder / "model_float32.tflite"
    Path(request["out"]).write_bytes(written.read_bytes())
    tools = versions("onnx2tf", "onnx", "onnxsim")
    return {"tools": tools, "warnings": [], "channel_last": channel_last}


def is_picture(shape: list[int]) -> bool:
    """True for channels first, which onnx2tf turns to channels last."""
    return len(shape) == 4 and shape[1] in PICTURE_CHANNELS and shape[2] > PICTURE_CHANNELS[-1]
