"""One recipe's artifact: quantized, checked against the original, described by its card."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from edgekit.convert.budget import ENOUGH_SAMPLES, metric_of
from edgekit.convert.choices import Choice
from edgekit.convert.data import FEW_SAMPLES
from edgekit.convert.proof import prove
from edgekit.convert.recipes import FLOAT, STATIC, Recipe, activation_dtype, find_recipe
from edgekit.convert.routes import ENGINE_FORMAT
from edgekit.convert.runtimes import runtime_versions
from edgekit.convert.stages import CHECKING, PROVING
from edgekit.convert.work import (
    FLOAT_LOWEST_SNR_DB,
    MODEL_FILES,
    Made,
    Work,
    file_entries,
    host_engine,
    model_files,
)
from edgekit.core.artifact import (
    NO_LICENCE,
    Accuracy,
    Agreement,
    GoldenVectors,
    ModelArtifact,
    ModelContents,
    ModelStructure,
    PipelineSpec,
    Proof,
    TensorSpec,
)
from edgekit.core.errors import StepFailed, UnsupportedModel
from edgekit.core.record import Unavailable, from_plain, to_plain
from edgekit.core.units import format_bytes
from edgekit.profiles.device import load_profile

GOLDEN_SAMPLES = 4
FLOAT_LOWEST_COSINE = 0.999
"""A float conversion below this is wrong, not inexact: exact routes give 1.000000."""
BROKEN_COSINE = 0.5
"""A quantized model whose outputs are typically below this lost its function."""
BROKEN_TOP1 = 0.5
"""So did one that has the original's answer less often than this."""
LOW_AGREEMENT = 0.9
SMALL_DTYPES = ("int8", "uint8", "int4", "uint4", "i8", "u8", "i4", "u4")
"""As TFLite, ONNX and OpenVINO call them."""
FLOAT_SHARE = 0.5
"""An int8 file with more float32 than this share of its weights did not become small."""


class Candidate:
    """An engine and a recipe being tried in a folder of their own."""

    def __init__(self, work: Work, choice: Choice, folder: Path) -> None:
        self.work = work
        self.choice = choice
        self.recipe: Recipe = find_recipe(choice.recipe)
        self.target = ENGINE_FORMAT[choice.engine]
        self.folder = folder
        self.artifact = folder / "artifact"
        self.artifact.mkdir(parents=True)
        self.warnings: list[str] = [*work.data.warnings, *work.warnings]

    def make(self) -> ModelArtifact:
        """The artifact's folder is complete but for the card, which is given back."""
        choice = self.choice
        routed = self.work.route(choice.steps, choice.engine, choice.others)
        self.warnings += routed.notes
        made = self._quantize(routed)
        if self._is_calibrated and self.work.data.count < FEW_SAMPLES:
            self.warnings.append(
                f"{self.work.data.count} calibration samples are few; {FEW_SAMPLES} or more "
                "give steadier ranges"
            )
        return self._finish(routed, made)

    @property
    def _is_calibrated(self) -> bool:
        return self.work.data.is_calibrated and self.recipe.needs_calibration

    def _quantize(self, made: Made) -> Made:
        """Applies the recipe's step, when there is one."""
        for step in self.choice.steps:
            if step.recipe:
                out = self.folder / "quantized" / MODEL_FILES[step.target]
                made = self.work.step(step, made, out, self.choice.engine, self._parameters())
        return made

    def _parameters(self) -> dict[str, Any]:  # Any: JSON
        request = self.work.request
        return asdict(self.recipe) | {
            "activation": activation_dtype(load_profile(request.profile).arch),
            "engine": self.choice.engine,
            "keep_names": list(request.keep_float),
            "debug_layers": request.debug_layers,
        }

    def _finish(self, routed: Made, made: Made) -> ModelArtifact:
        """Verifies the model against the original and writes all but the card."""
        work = self.work
        name = MODEL_FILES[self.target]
        for path in model_files(made.model):
            (self.artifact / name).with_suffix(path.suffix).write_bytes(path.read_bytes())
        reference = work.reference(work.samples)
        evaluation_reference = ""
        if work.evaluation.exists():
            evaluation_reference = str(work.reference(work.evaluation))
        work.progress(CHECKING)
        reply = work.call(
            "onnx",
            "finish",
            {
                "engine": host_engine(self.choice.engine),
                "format": self.target.value,
                "model": str(self.artifact / name),
                "samples": str(work.samples),
                "reference": str(reference),
                "evaluation": str(work.evaluation) if evaluation_reference else "",
                "evaluation_reference": evaluation_reference,
                "channel_last": list(made.channel_last),
                "names": work.names(),
                "layouts": [_layout(spec["shape"]) for spec in work.inputs],
                "golden": str(self.artifact / "golden"),
                "golden_count": GOLDEN_SAMPLES,
                "metric": metric_of(work.request),
                "vectors": str(self.folder / "vectors"),
                "quantized": self.recipe.scheme != FLOAT,
            },
        )
        card = self._card(reply, name, routed, made)
        proofs = self._prove(name)
        return replace(card, proofs=proofs, warnings=tuple(self.warnings))

    def _prove(self, name: str) -> tuple[Proof, ...] | Unavailable:
        """Runs the artifact in every runtime version that the profile's boards have."""
        request, engine = self.work.request, self.choice.engine
        wanted = runtime_versions(load_profile(request.profile), engine)
        shown = f"{engine} {', '.join(wanted)}"
        if not wanted:
            return Unavailable(f"{engine} cannot be had on this machine")
        if not request.proof:
            self.warnings.append(f"not proven on {shown}, which the boards have (--no-proof)")
            return Unavailable("left out (--no-proof)")
        self.work.progress(f"{PROVING} on {shown}")
        return tuple(
            prove(
                engine,
                version,
                model=self.artifact / name,
                vectors=self.folder / "vectors",
                recipe=self.recipe.scheme,
                progress=self.work.progress,
            )
            for version in wanted
        )

    # Any: JSON
    def _card(self, reply: dict[str, Any], name: str, routed: Made, made: Made) -> ModelArtifact:
        work, request = self.work, self.work.request
        data = work.data.source
        if work.evaluation.exists() and request.data is not None:
            data = request.data.name
        agreement = from_plain(Agreement, reply["agreement"] | {"data": data})
        self._require_faithful(agreement)
        accuracy: Accuracy | Unavailable = Unavailable("no labelled data was given (--data)")
        if reply["accuracy"]:
            accuracy = from_plain(
                Accuracy, reply["accuracy"] | {"metric": request.metric, "data": data}
            )
        elif request.data is not None:
            accuracy = Unavailable(f"{request.data.name} has no labels")
        inputs = tuple(from_plain(TensorSpec, spec) for spec in reply["inputs"])
        entries = file_entries(self.artifact)
        pipeline = work.data.pipeline
        if pipeline.kind == "image" and inputs[0].layout:
            pipeline = from_plain(PipelineSpec, to_plain(pipeline) | {"layout": inputs[0].layout})
        calibration = ""
        if self._is_calibrated:
            calibration = f"{work.data.source}, {work.data.count} samples, {self.recipe.ranges}"
        licence = reply["contents"].pop("licence")
        contents = from_plain(ModelContents, reply["contents"])
        self._require_small(contents)
        return ModelArtifact(
            name=work.source.name,
            format=self.target,
            engine=self.choice.engine,
            profile=load_profile(request.profile).id,
            recipe=self.recipe.name,
            model=name,
            files=entries,
            inputs=inputs,
            outputs=tuple(from_plain(TensorSpec, spec) for spec in reply["outputs"]),
            source=work.source,
            size_bytes=sum(e.size_bytes for e in entries if not e.path.startswith("golden/")),
            float_size_bytes=sum(p.stat().st_size for p in model_files(routed.model)),
            structure=from_plain(ModelStructure, reply["structure"]),
            agreement=agreement,
            accuracy=accuracy,
            pipeline=pipeline,
            golden=from_plain(GoldenVectors, reply["golden"]),
            steps=made.reports,
            elapsed_s=0.0,
            calibration=calibration,
            warnings=tuple(self.warnings),
            data=work.data.reports,
            contents=contents,
            licence=request.licence or licence or NO_LICENCE,
            layers=made.layers,
            build_command=build_command(self.choice.engine, self.recipe.scheme, name),
        )

    def _require_small(self, contents: ModelContents) -> None:
        """Tells where an artifact that is called int8 stores floats.

        Raises:
            UnsupportedModel: it stores nothing else.
        """
        stored = sum(contents.weights_bytes.values())
        small = sum(n for dtype, n in contents.weights_bytes.items() if dtype in SMALL_DTYPES)
        if "int8" in self.recipe.scheme and not small:
            raise UnsupportedModel(
                f"{self.recipe.name} changes nothing: no layer of the model has weights that "
                f"{self.choice.engine} can store in 8 bits that way",
                hint="--recipe float",
            )
        floats = contents.weights_bytes.get("float32", 0) + contents.weights_bytes.get("f32", 0)
        # TensorRT rounds the weights itself when it builds its engine
        is_kept = self.choice.engine != "tensorrt" and floats > FLOAT_SHARE * stored
        if "int8" in self.recipe.scheme and is_kept:
            self.warnings.append(
                f"{format_bytes(floats)} of {format_bytes(stored)} of weights are still float32"
            )

    def _require_faithful(self, agreement: Agreement) -> None:
        if self.recipe.scheme == FLOAT:
            noises = [o.snr_db for o in agreement.outputs if o.snr_db is not None]
            is_noisy = min(noises, default=FLOAT_LOWEST_SNR_DB) < FLOAT_LOWEST_SNR_DB
            if agreement.cosine < FLOAT_LOWEST_COSINE or is_noisy:
                raise StepFailed(
                    f"the converted model is wrong: its outputs differ by "
                    f"{agreement.max_deviation:.3g} (cosine {agreement.cosine:.4f})",
                    hint="--engine onnxruntime, or report the model",
                )
            return
        top1, typical = answers_kept(agreement), agreement.typical_cosine or 0.0
        if typical < BROKEN_COSINE or (top1 is not None and top1 < BROKEN_TOP1):
            agreeing = "" if top1 is None else f"the original's answer on {top1:.0%} of samples, "
            raise StepFailed(
                f"{self.recipe.name} destroys this model: {agreeing}cosine similarity of its "
                f"outputs {typical:.3f} typically, {agreement.cosine:.3f} at worst",
                hint="--recipe auto finds one that does not; or more typical --calibration samples",
            )
        if top1 is not None and top1 < LOW_AGREEMENT:
            self.warnings.append(
                f"the quantized model agrees with the original on {top1:.0%} of "
                f"{agreement.sample_count} samples only"
            )


def answers_kept(agreement: Agreement) -> float | None:
    """Share of samples with the original's answer; None where too few samples say nothing."""
    return agreement.top1_agreement if agreement.sample_count >= ENOUGH_SAMPLES else None


def build_command(engine: str, scheme: str, model: str) -> str:
    """What makes the engine's own file of the model on the board; empty where nothing has to.

    Source: "Working with Quantized Types" and trtexec of TensorRT 8.2 to 10, 2026-11; explicit
    Q/DQ nodes need ``--int8`` there, newer ones take the types from the model.
    """
    if engine != "tensorrt":
        return ""
    flags = "--int8 --fp16" if scheme == STATIC else "--fp16"
    return f"trtexec --onnx={model} {flags} --saveEngine={Path(model).stem}.plan"


def _layout(shape: list[int]) -> str:
    """NCHW or NHWC where the shape of a picture input tells it."""
    if len(shape) != 4:
        return ""
    if shape[1] in (1, 3, 4) and shape[3] > 4:
        return "NCHW"
    return "NHWC" if shape[3] in (1, 3, 4) else ""
