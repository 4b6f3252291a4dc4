"""Rows of a folder of pictures, directly or in one folder per class."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy

from edgekit.convert.workers.samples_rows import (
    DataRequest,
    Row,
    RowStream,
    class_labels,
    spread,
)
from edgekit.core.errors import ConfigError

PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm", ".gif")


def read_pictures(request: DataRequest) -> RowStream:
    """Every picture at the model's size.

    Raises:
        ConfigError: there are none, or the model takes no pictures.
    """
    path = request.path
    height, width, _ = picture_size(request)
    files = sorted(p for p in path.rglob("*") if p.suffix.lower() in PICTURES)
    if not files:
        raise ConfigError(f"{path} holds no pictures ({', '.join(PICTURES)}) and no .wav files")
    labels, notes = class_labels(files, path)

    def rows(limit: int) -> Iterator[Row]:
        from PIL import Image, UnidentifiedImageError

        for i in spread(len(files), limit):
            try:
                with Image.open(files[i]) as image:
                    picture = numpy.asarray(fit(image.convert("RGB"), height, width))
            except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as err:
                raise ConfigError(f"{files[i]} is no picture that can be read: {err}") from err
            yield Row([], labels[i] if labels else None, picture)

    return RowStream(len(files), rows, notes)


def picture_size(request: DataRequest) -> tuple[int, int, str]:
    """Height, width and layout of the model's picture input.

    Raises:
        ConfigError: it has none.
    """
    shape = request.specs[0]["shape"]
    if len(request.specs) == 1 and len(shape) == 4:
        if shape[1] == 3:
            return shape[2], shape[3], "NCHW"
        if shape[3] == 3:
            return shape[1], shape[2], "NHWC"
    shown = ", ".join("x".join(map(str, spec["shape"])) for spec in request.specs)
    raise ConfigError(f"{request.path} holds pictures, the model takes {shown}")


def fit(image: Any, height: int, width: int) -> Any:  # Any: Pillow images
    """Scales the shorter side to the model's size and cuts the middle out."""
    scale = max(height / image.height, width / image.width)
    size = (max(width, round(image.width * scale)), max(height, round(image.height * scale)))
    resized = image.resize(size, resample=2)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return resized.crop((left, top, left + width, top + height))


def fitted(picture: Any, height: int, width: int) -> Any:  # Any: uint8 [height, width, 3]
    """A decoded picture at the model's size."""
    if picture.shape[:2] == (height, width):
        return picture
    from PIL import Image

    return numpy.asarray(fit(Image.fromarray(picture), height, width))
