"""Outputs of the original and of the artifact compared: agreement, accuracy, how sure both are.

Pure but for a person's own metric function, which is loaded from the file that was named.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy

from edgekit.core.errors import ConfigError

RESAMPLES = 2000
FUNCTION_RESAMPLES = 200
"""A person's own function may take long."""
SEED = 0
TOP = {"top-1": 1, "top-5": 5}
PROBABLE = 0.5

Metric = Callable[[list[Any], Any], float]  # Any: arrays


class Outputs(NamedTuple):
    """Real values of one output over all samples: the original's and the artifact's."""

    original: Any
    artifact: Any


def agreement(outputs: list[Outputs]) -> dict[str, Any]:  # Any: JSON
    """Top-1 agreement, and per output the deviation, cosine similarity and signal to noise."""
    each: list[dict[str, Any]] = [  # Any: JSON
        {
            "max_deviation": float(numpy.abs(o.original - o.artifact).max()),
            "cosine": float(_cosines(o).min()),
            "snr_db": _snr_db(o),
        }
        for o in outputs
    ]
    first = scores_of(outputs)
    top1 = None
    if is_scores(first.original):
        threshold = _threshold(first.original)
        same = _answers(first.original, threshold) == _answers(first.artifact, threshold)
        top1 = float(same.mean())
    return {
        "sample_count": len(first.original),
        "top1_agreement": top1,
        "typical_cosine": min(float(numpy.median(_cosines(o))) for o in outputs),
        "max_deviation": max(o["max_deviation"] or 0.0 for o in each),
        "cosine": min(o["cosine"] for o in each),
        "outputs": each,
    }


def scores_of(outputs: list[Outputs]) -> Outputs:
    """The output that holds the answer: the first of scores; see :func:`is_scores`."""
    return next((output for output in outputs if is_scores(output.original)), outputs[0])


def is_scores(values: Any) -> bool:  # Any: an array
    """True for several values per sample, and for one that is a probability."""
    if values[0].size > 1:
        return True
    return bool(values.min() >= 0 and values.max() <= 1)


def _threshold(values: Any) -> float:
    """Above which a single score says yes: half for probabilities, zero for logits."""
    return PROBABLE if values.min() >= 0 and values.max() <= 1 else 0.0


def _answers(values: Any, threshold: float) -> Any:
    """The class of every sample: the arg-max, or whether a single score is above the threshold."""
    flat = values.reshape(len(values), -1)
    return flat.argmax(1) if flat.shape[1] > 1 else (flat[:, 0] > threshold).astype(int)


def accuracy(outputs: list[Outputs], labels: Any, metric: str) -> dict[str, Any]:  # Any: JSON
    """Both models by a metric on labelled samples, with the 95 % interval of the drop.

    Args:
        outputs: of both models.
        labels: [n] integers.
        metric: top-1, top-5, f1, or FILE.py:FUNCTION.

    Raises:
        ConfigError: the metric cannot be computed.
    """
    scores = scores_of(outputs)
    count = len(labels)
    found: dict[str, Any] = {"sample_count": count, "p_value": None}
    if metric in TOP:
        right = [_hits(side, labels, TOP[metric]) for side in scores]
        values = [float(side.mean()) for side in right]
        low, high = _mean_interval(right[0].astype(float) - right[1].astype(float))
        found["p_value"] = mcnemar(right[0], right[1])
    else:
        measure = _macro_f1 if metric == "f1" else user_metric(metric)
        sides = [[o.original for o in outputs], [o.artifact for o in outputs]]
        if metric == "f1":
            sides = [[scores.original], [scores.artifact]]
        values = [_checked(measure(side, labels), metric) for side in sides]
        low, high = _resampled(measure, sides, labels, metric)
    return found | {
        "original": values[0],
        "artifact": values[1],
        "drop_low_points": low * 100,
        "drop_high_points": high * 100,
    }


def mcnemar(original: Any, artifact: Any) -> float:  # Any: arrays
    """Chance of a difference at least as large when both models were equally good (exact, paired).

    Source: McNemar, Psychometrika 12 (1947), with the binomial distribution.
    """
    lost = int((original & ~artifact).sum())
    won = int((~original & artifact).sum())
    differing = lost + won
    if not differing:
        return 1.0
    tail = sum(math.comb(differing, k) for k in range(min(lost, won) + 1))
    return float(min(1.0, 2 * tail / 2**differing))


def user_metric(text: str) -> Metric:
    """The function of ``FILE.py:FUNCTION``: (outputs, labels) to a number, higher is better.

    Raises:
        ConfigError: there is no such file or function.
    """
    file, _, name = text.rpartition(":")
    path = Path(file)
    if not file or not path.exists():
        raise ConfigError(
            f"--metric {text}: no such file",
            hint="--metric metric.py:function, top-1, top-5 or f1",
        )
    spec = importlib.util.spec_from_file_location("edgekit_user_metric", path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"--metric {text}: {file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as err:  # a person's code may raise anything
        raise ConfigError(f"--metric {text}: {type(err).__name__}: {err}") from err
    function = getattr(module, name, None)
    if not callable(function):
        raise ConfigError(
            f"--metric {text}: {path.name} has no function {name!r}",
            hint="def score(outputs, labels): return a number, higher is better",
        )

    def measure(outputs: list[Any], labels: Any) -> float:
        try:
            return float(function(outputs, labels))
        except Exception as err:  # likewise
            raise ConfigError(
                f"--metric {text} fails: {type(err).__name__}: {err}",
                hint="it is called with the list of output arrays [n, ...] and the labels [n]",
            ) from err

    return measure


def _hits(scores: Any, labels: Any, count: int) -> Any:
    """Which samples have their label among the highest ``count`` scores."""
    flat = scores.reshape(len(labels), -1)
    if flat.shape[1] == 1:
        return _answers(flat, _threshold(flat)) == labels
    count = min(count, flat.shape[1])
    best = numpy.argsort(-flat, axis=1, kind="stable")[:, :count]
    return (best == numpy.asarray(labels)[:, numpy.newaxis]).any(1)


def _macro_f1(outputs: list[Any], labels: Any) -> float:
    """Mean over the labels' classes of the harmonic mean of precision and recall."""
    answers = _answers(outputs[0], _threshold(outputs[0]))
    values = []
    for label in numpy.unique(labels):
        both = ((answers == label) & (labels == label)).sum()
        total = (answers == label).sum() + (labels == label).sum()
        values.append(2 * both / total)
    return float(numpy.mean(values))


def _checked(value: float, metric: str) -> float:
    if not math.isfinite(value):
        raise ConfigError(f"--metric {metric} gives {value}", hint="it has to be a finite number")
    return value


def _mean_interval(difference: Any) -> tuple[float, float]:
    """95 % interval of a mean of paired differences: bootstrap over the samples, seeded."""
    generator = numpy.random.default_rng(SEED)
    means = [
        difference[generator.integers(0, len(difference), len(difference))].mean()
        for _ in range(RESAMPLES)
    ]
    return float(numpy.quantile(means, 0.025)), float(numpy.quantile(means, 0.975))


def _resampled(
    measure: Metric, sides: list[list[Any]], labels: Any, metric: str
) -> tuple[float, float]:
    """The same for a metric that is no mean over samples."""
    generator = numpy.random.default_rng(SEED)
    drops = []
    for _ in range(FUNCTION_RESAMPLES):
        picks = generator.integers(0, len(labels), len(labels))
        values = [measure([array[picks] for array in side], labels[picks]) for side in sides]
        drops.append(_checked(values[0] - values[1], metric))
    return float(numpy.quantile(drops, 0.025)), float(numpy.quantile(drops, 0.975))


def _cosines(outputs: Outputs) -> Any:
    """Of every sample."""
    a = outputs.original.reshape(len(outputs.original), -1).astype(numpy.float64)
    b = outputs.artifact.reshape(len(a), -1).astype(numpy.float64)
    norms = numpy.linalg.norm(a, axis=1) * numpy.linalg.norm(b, axis=1)
    products = (a * b).sum(1)
    both_zero = norms == 0
    values = numpy.where(both_zero, 1.0, products / numpy.where(both_zero, 1.0, norms))
    return numpy.nan_to_num(values, nan=0.0)


def _snr_db(outputs: Outputs) -> float | None:
    """Signal to noise over all samples; None where nothing differs, or nothing is there."""
    signal = float((outputs.original.astype(numpy.float64) ** 2).sum())
    noise = float(((outputs.original.astype(numpy.float64) - outputs.artifact) ** 2).sum())
    return round(10 * math.log10(signal / noise), 2) if signal > 0 and noise > 0 else None
