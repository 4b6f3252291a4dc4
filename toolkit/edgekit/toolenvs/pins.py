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
    unbound: tuple[str, ...] = ()
    """Installed last, without what they require: distributions whose bounds are too narrow."""
    newest_python: tuple[int, int] = (3, 13)
    """The newest Python that its wheels exist for."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever a pin changes."""
        text = "\n".join((self.name, *sorted((*self.requirements, *self.unbound))))
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
            name="compress",
            purpose="prune, distil and search PyTorch models",
            requirements=(
                "torch==2.13.0",
                "torch-pruning==1.6.1",
                "optuna==5.0.0",
                "onnx==1.23.2",
                "onnxruntime==1.32.0",
                "onnxscript==0.7.2",
                "onnx2torch==1.5.15",
                "numpy==2.4.6",
                "pillow>=11,<14",
            ),
            size_mb=1300,
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
            name="onnx2tf",
            purpose="ONNX to TFLite where the way through PyTorch fails",
            requirements=(
                "numpy==2.2.6",
                "onnx==1.20.1",
                "onnxruntime==1.26.0",
                "opencv-python-headless==4.13.0.92",
                "onnxsim==0.6.5",
                "onnxoptimizer==0.4.2",
                "onnxscript==0.6.2",
                "ai-edge-litert==2.1.2",
                "sne4onnx==2.0.1",
                "sng4onnx==2.0.1",
                "psutil==5.9.5",
                "protobuf==7.35.1",
                "h5py==3.14.0",
                "ml-dtypes==0.5.4",
                "setuptools==81.0.0",
                "flatbuffers==25.12.19",
                "tqdm==4.67.1",
                "pytest==9.0.2",
            ),
            unbound=("onnx2tf==2.6.9",),  # asks for Python 3.12 and OpenCV with a display
            size_mb=800,
        ),
        ToolEnvironment(
            name="ray",
            purpose="many conversions on a cluster (--ray)",
            requirements=("ray==2.60.0", "numpy==2.4.6"),
            size_mb=450,
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
        ToolEnvironment(
            name="cloud-ray",
            purpose="the same server with replicas on Ray Serve",
            requirements=(
                "kserve[ray]==0.21.0",
                "ray[serve]==2.60.0",
                "onnxruntime==1.32.0",
                "ai-edge-litert==2.3.0",
                "numpy==2.4.6",
            ),
            size_mb=950,
        ),
    )
}


RUNTIME_PREFIX = "runtime-"
RUNTIMES = {
    "litert": ("ai-edge-litert", "numpy==2.4.6"),
    "tflite_runtime": ("tflite-runtime", "numpy==1.26.4"),
    "onnxruntime": ("onnxruntime", "numpy==2.4.6"),
    "openvino": ("openvino", "numpy==2.4.6"),
}
"""What a board's engine needs beside nothing else: its distribution, and a numpy that it runs with.

tflite-runtime was built against numpy 1 and ends with Python 3.11."""
RUNTIME_SIZE_MB = {"litert": 140, "tflite_runtime": 90, "onnxruntime": 160, "openvino": 260}
RUNTIME_NEWEST_PYTHON = {"tflite_runtime": (3, 11)}


def runtime_environment(engine: str, version: str) -> ToolEnvironment:
    """An environment with one version of an engine, as a board has it.

    Raises:
        ToolEnvironmentError: the engine has no wheels for this machine.
    """
    if engine not in RUNTIMES:
        raise ToolEnvironmentError(
            f"{engine} cannot be installed on this machine", hint=did_you_mean(engine, RUNTIMES)
        )
    distribution, *others = RUNTIMES[engine]
    return ToolEnvironment(
        name=f"{RUNTIME_PREFIX}{engine}-{version}",
        purpose=f"{engine} {version}, as boards have it",
        requirements=(f"{distribution}=={version}", *others),
        size_mb=RUNTIME_SIZE_MB[engine],
        newest_python=RUNTIME_NEWEST_PYTHON.get(engine, (3, 13)),
    )


def find_environment(name: str) -> ToolEnvironment:
    """The environment of that name; ``runtime-<engine>-<version>`` names any version of an engine.

    Raises:
        ToolEnvironmentError: there is none.
    """
    if name.startswith(RUNTIME_PREFIX):
        engine, _, version = name.removeprefix(RUNTIME_PREFIX).rpartition("-")
        return runtime_environment(engine, version)
    try:
        return ENVIRONMENTS[name]
    except KeyError as err:
        raise ToolEnvironmentError(
            f"no tool environment is called {name!r}", hint=did_you_mean(name, ENVIRONMENTS)
        ) from err
