"""Which tool environments exist and what is pinned in them.

The pins of one environment were resolved together; see docs/adr/0002-tool-environments.md.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from edgekit.core.errors import ToolEnvironmentError
from edgekit.core.suggest import did_you_mean


@dataclass(frozen=True)
class ToolEnvironment:
    """A named set of pinned distributions."""

    name: str
    purpose: str
    requirements: tuple[str, ...]
    """What is asked for directly, exactly pinned; the rest is bounded by constraints."""
    size_mb: int
    """Disk space once installed, rounded up."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever a pin changes."""
        text = "\n".join((self.name, *sorted(self.requirements)))
        return hashlib.sha256(text.encode()).hexdigest()[:12]


ENVIRONMENTS = {
    environment.name: environment
    for environment in (
        ToolEnvironment(
            name="onnx",
            purpose="ONNX, ONNX Runtime, OpenVINO, LiteRT: quantize and check",
            requirements=(
                "onnx==1.23.2",
                "onnxruntime==1.32.0",
                "openvino==2026.4.1",
                "nncf==3.4.0",
                "ai-edge-litert==2.3.0",
                "ai-edge-quantizer==0.10.0",
                "numpy==2.4.6",
                "sympy>=1.13,<2",
                "onnxslim>=0.1.50,<0.2",
                "pillow>=11,<14",
            ),
            size_mb=900,
        ),
        ToolEnvironment(
            name="tensorflow",
            purpose="Keras and SavedModel in, TFLite and ONNX out",
            requirements=(
                "tensorflow-cpu==2.21.0",
                "keras==3.15.1",
                "tf2onnx==1.17.0",
                "onnx==1.23.2",
                "ai-edge-litert==2.3.0",
                "ai-edge-quantizer==0.10.0",
                "numpy==2.4.6",
                "pillow>=11,<14",
            ),
            size_mb=1700,
        ),
        ToolEnvironment(
            name="torch",
            purpose="PyTorch in, TFLite and ONNX out",
            requirements=(
                "torch==2.13.0",
                "litert-torch==0.10.0",
                "ai-edge-quantizer==0.10.0",
                "ai-edge-litert==2.3.0",
                "onnx==1.23.2",
                "onnxscript==0.7.2",
                "onnx2torch==1.5.15",
                "numpy==2.4.6",
                "pillow>=11,<14",
            ),
            size_mb=2300,
        ),
        ToolEnvironment(
            name="sklearn",
            purpose="scikit-learn in, ONNX out",
            requirements=(
                "scikit-learn==1.9.1",
                "skl2onnx==1.20.0",
                "onnx==1.23.2",
                "numpy==2.4.6",
            ),
            size_mb=350,
        ),
        ToolEnvironment(
            name="cloud",
            purpose="Open Inference Protocol server (KServe) and client",
            requirements=(
                "kserve==0.21.0",
                "onnxruntime==1.32.0",
                "ai-edge-litert==2.3.0",
                "numpy==2.4.6",
            ),
            size_mb=650,
        ),
    )
}


def find_environment(name: str) -> ToolEnvironment:
    """The environment of that name.

    Raises:
        ToolEnvironmentError: there is none.
    """
    try:
        return ENVIRONMENTS[name]
    except KeyError as err:
        raise ToolEnvironmentError(
            f"no tool environment is called {name!r}", hint=did_you_mean(name, ENVIRONMENTS)
        ) from err
