"""A converted model: files with a card that tells everything about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from edgekit.core.record import Record, Unavailable

NO_LICENCE = Unavailable("the model file states none; --licence says it")
NOT_TOLD = Unavailable("the artifact was made by an older edgekit")
NOT_PROVEN = Unavailable("the artifact was made before proofs were")


class Format(StrEnum):
    """Formats of models, as sources, in between, and as targets."""

    KERAS = "keras"
    SAVED_MODEL = "saved_model"
    PYTORCH = "pytorch"
    """An exported program (.pt2), TorchScript, or a builder file with a state dict."""
    ONNX = "onnx"
    TFLITE = "tflite"
    OPENVINO = "openvino"
    SKLEARN = "sklearn"


@dataclass(frozen=True)
class Quantization:
    """Affine quantization of a whole tensor: real = scale * (stored - zero_point)."""

    scale: float
    zero_point: int


@dataclass(frozen=True)
class TensorSpec:
    """An input or output of a model."""

    name: str
    shape: tuple[int, ...]
    """-1 marks a dimension that is free at run time."""
    dtype: str
    """numpy's name: float32, int8, uint8, int32, int64..."""
    quantization: Quantization | None = None
    layout: str = ""
    """NCHW or NHWC for images where it is known, else empty."""


@dataclass(frozen=True)
class FileEntry:
    """A file of an artifact or bundle, named by a path relative to its folder (with ``/``)."""

    path: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class SourceModel:
    """What was converted."""

    name: str
    format: Format
    sha256: str
    """Of the file, or of the sorted list of hashes for a folder."""
    size_bytes: int


@dataclass(frozen=True)
class OutputAgreement:
    """One output of the artifact against the original's."""

    max_deviation: float
    cosine: float
    """Lowest cosine similarity over the samples."""
    snr_db: float | None
    """Signal to noise over all samples; None where nothing differs."""


@dataclass(frozen=True)
class Agreement:
    """Artifact against original on the same inputs, without labels."""

    sample_count: int
    data: str
    """What the inputs were: the name of the data, or ``calibration``."""
    top1_agreement: float | None
    """Share of samples with the same answer (arg-max; of a single probability, its side of a half),
    0..1; None when no output looks like scores."""
    max_deviation: float
    """Largest absolute difference over all outputs and samples."""
    cosine: float
    """Lowest cosine similarity over the samples."""
    typical_cosine: float | None = None
    """Median over the samples, of the output that is worst; one sample with another answer lowers
    ``cosine`` to nothing where outputs are probabilities, and leaves this alone."""
    outputs: tuple[OutputAgreement, ...] = ()
    """The same for each output of the original, in its order."""


@dataclass(frozen=True)
class Accuracy:
    """Both models on labelled data."""

    metric: str
    data: str
    sample_count: int
    original: float
    artifact: float
    """Both as shares 0..1."""
    drop_low_points: float | None = None
    drop_high_points: float | None = None
    """95 % interval of the drop, from the samples on which the two differ."""
    p_value: float | None = None
    """McNemar's: chance of such a difference between equally good models; None for metrics that
    are no share of right answers."""

    @property
    def drop_points(self) -> float:
        """Loss in percentage points; negative is a gain."""
        return (self.original - self.artifact) * 100


@dataclass(frozen=True)
class Operation:
    """All operations of one type in the model."""

    type: str
    count: int
    macs: int
    """Multiply-accumulates for one inference at batch 1."""
    weight_bytes: int
    activation_bytes: int
    """Bytes read and written besides weights."""


@dataclass(frozen=True)
class ModelStructure:
    """Size and shape of the computation, from the artifact's graph."""

    parameters: int
    macs: int
    depth: int
    """Operations on the longest path from input to output."""
    max_width: int
    """Largest channel count of any layer."""
    operations: tuple[Operation, ...]
    """Per operation type, most multiply-accumulates first."""


@dataclass(frozen=True)
class PipelineSpec:
    """How a raw image becomes the model's input: data that board and host both follow.

    Pixels are decoded to RGB, resized to ``width`` x ``height``, then (value - mean) / std per
    channel, laid out as ``layout``, then quantized if the input is.
    """

    kind: str
    """image, audio, tensor or python (a ``pipeline.py`` travels with the artifact)."""
    height: int = 0
    width: int = 0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    layout: str = ""
    sample_rate_hz: int = 0
    """Of audio: mono, float32, -1..1, in windows of the model's length."""


@dataclass(frozen=True)
class DataReport:
    """Samples that calibrated or judged an artifact."""

    role: str
    """calibration or evaluation."""
    name: str
    sample_count: int
    available_count: int
    """In the data, before an even choice was made."""
    sha256: str
    """Over the hashes of the samples that were used, in order."""


@dataclass(frozen=True)
class GoldenVectors:
    """Recorded inputs and expected outputs, raw little-endian tensors in ``golden/``.

    For sample ``i``, input ``j`` lies in ``golden/<i>.in.<j>.bin`` and output ``j`` of the
    artifact on the host's engine in ``golden/<i>.out.<j>.bin`` in the artifact's own dtypes. What
    the original model gives, as float32, lies in ``golden/<i>.ref.<j>.bin``.
    """

    sample_count: int
    tolerance: float
    """Largest allowed absolute difference of de-quantized outputs between host and board."""


@dataclass(frozen=True)
class Proof:
    """The artifact in the runtime version that the profile's boards have, on this machine's processor."""

    engine: str
    version: str
    sample_count: int
    max_deviation: float
    """Largest absolute difference of de-quantized outputs from those of the host's engine."""
    tolerance: float
    top1_agreement: float | None
    """Share of samples with the same arg-max, 0..1; None when no output looks like scores."""
    tools: Mapping[str, str]
    """Distribution name to version, Python's too."""


@dataclass(frozen=True)
class Rung:
    """A recipe that was tried against a budget."""

    engine: str
    recipe: str
    size_bytes: int | None
    """None when it could not be made; ``missed`` tells why."""
    drop_points: float | None
    """None without labelled data."""
    top1_agreement: float | None
    missed: str
    """Which budget it misses, and by how much; empty when it keeps all."""


@dataclass(frozen=True)
class LayerNoise:
    """What one layer, quantized alone, does to the outputs."""

    name: str
    """Of the node, or of its output tensor in TFLite."""
    snr_db: float | None
    """Signal to noise of the outputs; None where nothing changes."""
    noise_share: float
    """Of the noise of all layers, 0..1."""
    is_float: bool
    """True when the layer was left in float32."""


@dataclass(frozen=True)
class StepReport:
    """One step of the route that made the artifact."""

    step: str
    elapsed_s: float
    tools: Mapping[str, str]
    """Distribution name to version."""
    warnings: tuple[str, ...] = ()
    parameters: Mapping[str, object] = field(default_factory=dict)
    """What the step was told, files not counted."""


@dataclass(frozen=True)
class ModelContents:
    """What the model's file is made of."""

    weights_bytes: Mapping[str, int]
    """Stored bytes by dtype: an int8 file that is full of float32 is seen here."""
    operations_by_dtype: Mapping[str, Mapping[str, int]]
    """Operation type to dtype to count."""
    facts: Mapping[str, str]
    """Opset, IR or schema version, versions of operations, custom operations, who made it."""


@dataclass(frozen=True)
class Replay:
    """What makes the artifact again, byte by byte."""

    command: str
    """As typed; ``edgekit convert --replay card.json`` does the same and compares."""
    request: Mapping[str, object]
    inputs: Mapping[str, str]
    """model, calibration, data or weights to its hash."""


@dataclass(frozen=True)
class ModelArtifact(Record):
    """The card of an artifact folder (``card.json``)."""

    KIND: ClassVar[str] = "edgekit.artifact"

    name: str
    format: Format
    engine: str
    """The engine of the profile that this artifact is meant for."""
    profile: str
    recipe: str
    model: str
    """Path of the model's main file inside the folder."""
    files: tuple[FileEntry, ...]
    """Every file of the folder but card.json."""
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    source: SourceModel
    size_bytes: int
    """Of the model's files, golden vectors not counted."""
    float_size_bytes: int | Unavailable
    """Of the same model in the same format in float32."""
    structure: ModelStructure | Unavailable
    agreement: Agreement | Unavailable
    accuracy: Accuracy | Unavailable
    pipeline: PipelineSpec
    golden: GoldenVectors | Unavailable
    steps: tuple[StepReport, ...]
    elapsed_s: float
    calibration: str = ""
    """What calibrated the quantization, with the number of samples."""
    created_utc: str = ""
    warnings: tuple[str, ...] = ()
    rungs: tuple[Rung, ...] = ()
    """What was tried against a budget, in order; the last one is this artifact."""
    data: tuple[DataReport, ...] = ()
    contents: ModelContents | Unavailable = NOT_TOLD
    licence: str | Unavailable = NO_LICENCE
    """SPDX name where it is known: from the model file, or from ``--licence``."""
    replay: Replay | Unavailable = NOT_TOLD
    proofs: tuple[Proof, ...] | Unavailable = NOT_PROVEN
    """One for every runtime version that the profile's boards have."""
    layers: tuple[LayerNoise, ...] = ()
    """Where the quantization error comes from, the worst layer first; empty when not asked."""
    build_command: str = ""
    """What makes the engine's own file of the model on the board (TensorRT); empty for none."""
