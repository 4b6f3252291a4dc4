"""The artifact is run in the very runtime that its boards have, before anyone ships it.

Some runtimes compute what a newer tool wrote wrongly and say nothing: tflite-runtime 2.14 runs
dynamically quantized models of today's quantizer with one right answer in twelve.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edgekit.convert.recipes import FLOAT
from edgekit.convert.runtimes import is_host_version
from edgekit.core.artifact import Proof
from edgekit.core.errors import StepFailed, ToolEnvironmentError, UnsupportedModel
from edgekit.core.record import from_plain
from edgekit.toolenvs import worker
from edgekit.toolenvs.pins import RUNTIME_PREFIX

PROVEN_RECIPES = {
    "tflite_runtime": ("int8-static", "int16x8", "fp16", "float"),
    "litert": ("int8-static", "int8-dynamic", "float"),
    "onnxruntime": ("int8-static", "float"),
    "openvino": ("int8-static", "int8-weights", "float"),
}
"""What runs right in the versions of an engine that profiles name; the tests run those of old versions."""
FLOAT_SHARE = 1e-3
QUANTIZED_SHARE = 0.05
"""Of an output's range, as for golden vectors on a board: see workers/finish.py."""


def prove(
    engine: str,
    version: str,
    *,
    model: Path,
    vectors: Path,
    recipe: str,
    progress: Callable[[str], None] = lambda message: None,
) -> Proof:
    """Runs the model in one version of an engine and compares with what the host's engine gave.

    Args:
        vectors: folder of inputs and outputs (see workers/proof_vectors.py).
        recipe: what made the model: float models have to be closer.

    Raises:
        StepFailed: the outputs differ; this version computes the model wrongly.
        UnsupportedModel: this version lacks operations of the model.
        ToolEnvironmentError: this version cannot be had here.
    """
    environment = "onnx" if is_host_version(engine, version) else _environment(engine, version)
    request = {
        "engine": engine,
        "model": str(model),
        "vectors": str(vectors),
        "share": FLOAT_SHARE if recipe == FLOAT else QUANTIZED_SHARE,
    }
    try:
        reply = worker.call(
            environment, "edgekit.convert.workers.proof", request, progress=progress
        )
    except ToolEnvironmentError as err:
        raise ToolEnvironmentError(
            err.message, hint=f"{err.hint}; or leave the proof out: --no-proof"
        ) from err
    hint = _hint(engine, recipe)
    if "unsupported" in reply:
        raise UnsupportedModel(
            f"{engine} {version}, which these boards have, cannot run the {recipe} model: "
            f"{', '.join(reply['unsupported'])}",
            hint=hint,
            details={"unsupported": reply["unsupported"]},
        )
    proof = from_plain(Proof, reply | {"engine": engine, "version": version})
    if proof.max_deviation > proof.tolerance:
        raise StepFailed(
            f"{engine} {version}, which these boards have, computes the {recipe} model wrongly and "
            f"says nothing: outputs differ by {proof.max_deviation:.3g}, allowed are "
            f"{proof.tolerance:.3g}{_answers(proof)}",
            hint=hint,
            details={"max_deviation": proof.max_deviation, "tolerance": proof.tolerance},
        )
    return proof


def _environment(engine: str, version: str) -> str:
    return f"{RUNTIME_PREFIX}{engine}-{version}"


def _answers(proof: Proof) -> str:
    if proof.top1_agreement is None:
        return ""
    return f"; {proof.top1_agreement:.0%} of {proof.sample_count} answers are the same"


def _hint(engine: str, recipe: str) -> str:
    """Recipes that this engine is proven to run, without the one that failed."""
    others = [name for name in PROVEN_RECIPES[engine] if name != recipe]
    return f"these are right there: --recipe {', --recipe '.join(others)}; or another --engine"
