"""Makes what is compared: float models for the peers, the peers' artifacts, and edgekit's own."""

from __future__ import annotations

import importlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from convert_bench.peers import all_peers
from convert_bench.records import OURS, STATIC, Judged, Made
from convert_bench.samples import write_tensors
from edgekit.convert.converting import convert
from edgekit.convert.pipelines import parse_pipeline
from edgekit.convert.request import ConvertRequest
from edgekit.core.artifact import ModelArtifact
from edgekit.core.errors import EdgekitError
from edgekit.toolenvs import worker
from edgekit.toolenvs.environment import cache_folder, ensure
from real_models.model import Metric, RealModel

PROFILE = "generic-x86-64"
"""What the bench's own machine is; artifacts for it are timed on it."""
ENGINES = ("litert", "onnxruntime", "openvino")
LARGEST_DROP_POINTS = 1.0
LEAST_AGREEMENT = 0.95
THREADS = 1
EXPORTS = {".pt2": "pytorch", ".keras": "keras", ".onnx": "onnx", ".joblib": "sklearn"}
WRAPPED = {"litert": "ai_edge_quantizer", "onnxruntime": "ort_quantization", "openvino": "nncf"}
"""The peer that is the library that edgekit's own step calls."""
CHECKS_BEGIN = "checking"
FRESH = ("artifacts", "work", "logs")
"""Parts of the cache that a timed conversion must not find filled."""


@dataclass
class Results:
    """All of one model."""

    count: int
    original: float
    by_engine: dict[str, tuple[Judged, list[Judged]]] = field(default_factory=dict)
    wrapped_s: dict[str, float] = field(default_factory=dict)
    """By engine: the same work done by the libraries alone."""


class Bench:
    """One model, with a folder for what is made of it."""

    def __init__(self, model: RealModel, folder: Path, say: Callable[[str], None]) -> None:
        self.model = model
        self.folder = folder
        self.say = say
        self.export = importlib.import_module(
            f"convert_bench.exports.{EXPORTS[model.model.suffix]}"
        )
        self.floats: dict[str, tuple[Path, float]] = {}
        self.names: list[str] = []

    def run(self, rounds: int) -> Results:
        """Makes, judges and times everything."""
        self._export()
        calibration, evaluation = self.folder / "calibration.npz", self.folder / "evaluation.npz"
        write_tensors(self.model, self.model.calibration, self.names, calibration)
        write_tensors(self.model, self.model.evaluation, self.names, evaluation)
        made = [self._ours(engine) for engine in ENGINES]
        for peer in all_peers():
            made += [self._peer(peer, variant, calibration) for variant in peer.VARIANTS]
        results = self._judge(made, evaluation, rounds)
        for engine in ENGINES:
            alone_s = self._wrapped_s(engine, made)
            if alone_s:
                results.wrapped_s[engine] = alone_s
        return results

    def _export(self) -> None:
        self.floats["keras"] = (self.model.model, 0.0)
        if self.model.model.suffix != ".keras":
            del self.floats["keras"]
        ensure(self.export.ENVIRONMENT, progress=self.say)
        for kind in self.export.FORMATS:
            out = self.folder / f"float.{kind}"
            request = {"model": str(self.model.model), "format": kind, "out": str(out)}
            started = time.perf_counter()
            try:
                reply = worker.call(self.export.ENVIRONMENT, self.export.__name__, request)
            except EdgekitError as err:
                self.say(f"{self.model.name}: no float {kind}: {err.message}")
                continue
            self.floats[kind] = (out, time.perf_counter() - started)
            self.names = reply.get("names", self.names)

    def _peer(self, peer: ModuleType, variant: str, calibration: Path) -> Made:
        start = self.floats.get(peer.STARTS_FROM)
        if start is None:
            why = f"cannot read this source, and there is no float {peer.STARTS_FROM} of it"
            return Made(peer.NAME, peer.ENGINE, variant, None, error=why)
        ensure(peer.ENVIRONMENT, progress=self.say)
        name = peer.__name__.rpartition(".")[2]
        out = self.folder / f"{name}-{variant}" / f"model.{peer.FORMAT}"
        out.parent.mkdir()
        source = out.with_name(f"source-{start[0].name}")
        shutil.copyfile(start[0], source)  # some peers rewrite the file that they read
        request = {
            "model": str(source),
            "variant": variant,
            "samples": str(calibration),
            "names": self.names,
            "out": str(out),
        }
        self.say(f"{self.model.name}: {peer.NAME} {variant}")
        started = time.perf_counter()
        try:
            worker.call(peer.ENVIRONMENT, peer.__name__, request)
        except EdgekitError as err:
            return Made(peer.NAME, peer.ENGINE, variant, None, error=err.message)
        elapsed_s = time.perf_counter() - started
        return Made(peer.NAME, peer.ENGINE, variant, out, size_of(out), elapsed_s)

    def _ours(self, engine: str) -> Made:
        """The artifact that edgekit chooses under a budget, and how long the work without checks takes."""
        is_labelled = self.model.metric is Metric.ACCURACY
        card, folder, error = self._converted(
            engine,
            "auto",
            data=self.model.evaluation,
            max_drop_points=LARGEST_DROP_POINTS if is_labelled else None,
            min_agreement=None if is_labelled else LEAST_AGREEMENT,
        )
        if card is None:
            return Made(OURS, engine, "auto", None, error=error)
        unchecked_s = self._unchecked_s(engine)
        model = folder / card.model
        float_bytes = card.float_size_bytes if isinstance(card.float_size_bytes, int) else 0
        return Made(
            OURS,
            engine,
            card.recipe,
            model,
            size_of(model),
            card.elapsed_s,
            unchecked_s,
            float_bytes,
        )

    # Any: settings of the request by name
    def _converted(
        self, engine: str, recipe: str, say: Callable[[str], None] | None = None, **settings: Any
    ) -> tuple[ModelArtifact | None, Path, str]:
        out = self.folder / f"ours-{engine}-{recipe}"
        request = ConvertRequest(
            model=self.model.model,
            profile=PROFILE,
            recipe=recipe,
            engine=engine,
            calibration=self.model.calibration,
            pipeline=parse_pipeline(self.model.pipeline),
            trust=self.model.is_trusted,
            name=self.model.name,
            **settings,
        )
        self.say(f"{self.model.name}: edgekit {engine} {recipe}")
        try:
            with fresh_cache(self.folder):
                return convert(request, out, progress=say or self.say), out, ""
        except EdgekitError as err:
            return None, out, err.message

    def _unchecked_s(self, engine: str) -> float:
        """Seconds of a static conversion without data, until the checks begin."""
        began: list[float] = []

        def hear(message: str) -> None:
            if message.startswith(CHECKS_BEGIN):
                began.append(time.perf_counter())

        started = time.perf_counter()
        card, _, _ = self._converted(engine, STATIC, hear)
        return began[0] - started if card is not None and began else 0.0

    def _wrapped_s(self, engine: str, made: list[Made]) -> float:
        """The same work by the libraries alone: the export, where edgekit needs one too, and int8."""
        peer = importlib.import_module(f"convert_bench.peers.{WRAPPED[engine]}")
        found = [m for m in made if (m.tool, m.engine, m.recipe) == (peer.NAME, engine, STATIC)]
        if not found or found[0].model is None:
            return 0.0
        is_read_directly = self.model.model.suffix == f".{peer.STARTS_FROM}"
        export_s = 0.0 if is_read_directly else self.floats[peer.STARTS_FROM][1]
        return export_s + found[0].elapsed_s

    def _judge(self, made: list[Made], evaluation: Path, rounds: int) -> Results:
        present = [item for item in made if item.model is not None]
        artifacts = [{"engine": item.engine, "model": str(item.model)} for item in present]
        request: dict[str, Any] = {  # Any: JSON
            "reference": str(self.floats["onnx"][0]),
            "samples": str(evaluation),
            "names": self.names,
            "metric": self.model.metric.value,
            "artifacts": artifacts,
            "rounds": rounds,
            "threads": THREADS,
        }
        self.say(f"{self.model.name}: judging and timing {len(artifacts)} artifacts")
        found = worker.call("onnx", "convert_bench.judging", request)
        timed = worker.call("onnx", "convert_bench.timing", request)["medians_ns"]
        figures = {
            id(item): judged_of(item, reply, medians)
            for item, reply, medians in zip(present, found["artifacts"], timed, strict=True)
        }
        results = Results(found["count"], found["original"])
        for engine in ENGINES:
            own = [m for m in made if m.engine == engine]
            all_of = [figures.get(id(m)) or Judged(m, error=m.error) for m in own]
            ours = next(item for item in all_of if item.made.tool == OURS)
            results.by_engine[engine] = (ours, [p for p in all_of if p is not ours])
        return results


def judged_of(made: Made, reply: dict[str, Any], medians_ns: list[int]) -> Judged:  # Any: JSON
    """An artifact with what the judge and the clock said."""
    if "error" in reply:
        return Judged(made, error=str(reply["error"]))
    right = tuple(bool(value) for value in reply["right"])
    return Judged(made, reply["quality"], reply["deviation"], right, tuple(medians_ns))


def size_of(model: Path) -> int:
    """Bytes of the model with what belongs to it."""
    weights = model.with_suffix(".bin")
    extra = weights.stat().st_size if model.suffix == ".xml" and weights.exists() else 0
    return model.stat().st_size + extra


@contextmanager
def fresh_cache(folder: Path) -> Iterator[None]:
    """Edgekit's cache with its environments, but without what was converted before."""
    own = folder / "cache"
    before = os.environ.get("EDGEKIT_CACHE_DIR")
    own.mkdir(exist_ok=True)
    for entry in cache_folder().iterdir():
        link = own / entry.name
        if entry.name not in FRESH and not link.exists():
            link.symlink_to(entry)
    os.environ["EDGEKIT_CACHE_DIR"] = str(own)
    try:
        yield
    finally:
        if before is None:
            del os.environ["EDGEKIT_CACHE_DIR"]
        else:
            os.environ["EDGEKIT_CACHE_DIR"] = before
