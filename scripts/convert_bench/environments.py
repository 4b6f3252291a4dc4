"""Tool environments of peers that edgekit itself does not use.

The other peers are libraries that edgekit wraps; they run in edgekit's own environments, so that the
very same version is compared.
"""

from __future__ import annotations

from edgekit.toolenvs.pins import ToolEnvironment

LITERT_CLI = ToolEnvironment(
    name="peer-litert-cli",
    purpose="LiteRT-CLI, a peer in benchmarks",
    requirements=("litert-cli[quantize]==0.2.1", "numpy==2.4.6"),
    size_mb=500,
)
OLIVE = ToolEnvironment(
    name="peer-olive",
    purpose="Olive, a peer in benchmarks",
    requirements=(
        "olive-ai==0.13.0",
        "torch==2.13.0",
        "onnxruntime==1.32.0",
        "onnx==1.23.2",
        "requests>=2.32,<3",  # imported by its telemetry, which stays off, but not declared
        "numpy==2.4.6",
    ),
    size_mb=1700,
)
ONNX2TF_SAVED_MODEL = ToolEnvironment(
    name="peer-onnx2tf-1",
    purpose="onnx2tf's SavedModel with TFLiteConverter, a peer in benchmarks",
    requirements=(
        "onnx2tf==1.28.8",
        "tensorflow==2.21.0",
        "tf_keras==2.21.0",
        "onnx_graphsurgeon==0.6.1",
        "onnx==1.20.1",
        "onnxruntime==1.26.0",
        "onnxsim==0.6.5",
        "sng4onnx==2.0.1",
        "sne4onnx==2.0.1",
        "ai-edge-litert==2.1.2",
        "psutil>=5.9,<8",
        "numpy==2.4.6",
    ),
    size_mb=2600,
)
"""The last onnx2tf for Python 3.11; it declares none of what it imports."""
