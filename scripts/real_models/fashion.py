"""Fashion-MNIST (Debian package dataset-fashion-mnist, MIT) and Keras networks trained on it."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy

from edgekit.toolenvs import worker
from real_models.model import Metric, Progress, RealModel, folder_of, written_whole
from real_models.packages import debian_package

CALIBRATION = 300
EVALUATION = 2000
HELD_BACK = 1000
"""Last pictures of the training part, which no network is trained on; calibration comes from them."""


def prepare_network(name: str, epochs: int, progress: Progress) -> RealModel:
    """A network of ``workers/fashion_training.py``, trained once."""
    folder = folder_of(name)
    model, calibration = folder / f"{name}.keras", folder / "calibration.npz"
    evaluation = folder / "evaluation.npz"
    if not evaluation.exists():
        progress("reading Fashion-MNIST")
        train, _ = fashion_part("train", progress)
        test, test_labels = fashion_part("t10k", progress)
        numpy.savez_compressed(calibration, x=train[-CALIBRATION:])
        with written_whole(evaluation) as part:
            numpy.savez_compressed(part, x=test[:EVALUATION], y=test_labels[:EVALUATION])
    if not model.exists():
        progress(f"training {name} for {epochs} epochs (minutes, once)")
        _train(name, epochs, model, progress)
    return RealModel(
        name=name,
        model=model,
        calibration=calibration,
        evaluation=evaluation,
        metric=Metric.ACCURACY,
        about=f"Keras, trained here for {epochs} epochs on Fashion-MNIST; judged on {EVALUATION} "
        "of its test pictures",
    )


def _train(name: str, epochs: int, model: Path, progress: Progress) -> None:
    pictures, labels = fashion_part("train", progress)
    train = model.with_name("train.npz")
    numpy.savez(train, x=pictures[:-HELD_BACK], y=labels[:-HELD_BACK])
    try:
        with written_whole(model) as part:
            request = {"network": name, "epochs": epochs, "train": str(train), "out": str(part)}
            worker.call("tensorflow", "real_models.workers.fashion_training", request)
    finally:
        train.unlink()


def fashion_part(prefix: str, progress: Progress) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Pictures [n, 28, 28, 1] in 0..1 and labels, from the IDX files (LeCun's format)."""
    folder = debian_package("dataset-fashion-mnist", progress=progress)
    data = folder / "usr/share/datasets/fashion-mnist"
    pictures = _idx(data / f"{prefix}-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28, 1)
    labels = _idx(data / f"{prefix}-labels-idx1-ubyte.gz", 8)
    return (pictures / numpy.float32(255)).astype(numpy.float32), labels.astype(numpy.int64)


def _idx(path: Path, header_bytes: int) -> numpy.ndarray:
    return numpy.frombuffer(gzip.decompress(path.read_bytes()), numpy.uint8, offset=header_bytes)
