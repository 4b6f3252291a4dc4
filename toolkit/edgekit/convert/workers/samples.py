"""Turns what a person gave as data into the samples file of a conversion.

request  {"data": PATH, "inputs": [{"name", "shape", "dtype"}], "pipeline": PipelineSpec or None,
          "limit": N, "out": PATH}
reply    {"count": N, "labels": BOOL, "pictures": BOOL, "pipeline": PipelineSpec, "what": TEXT}

An .npz holds an array per input (under its name, or ``x``/``images`` for a single one), samples
first, and optionally ``y`` or ``labels``; uint8 [n, h, w, 3] arrays are pictures. A folder holds
pictures, directly or in one folder per class. A Python file has ``samples()``, which yields
arrays, or ``(input, label)`` pairs.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy

from edgekit.core.errors import ConfigError
from edgekit_runner.engines.contract import Tensor
from edgekit_runner.samples import preprocess

PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm", ".gif")
LABELS = ("y", "labels", "label", "targets")
SINGLE = ("x", "images", "inputs", "data")


class Data(NamedTuple):
    """What was read: arrays by input, samples first."""

    arrays: list[Any]
    labels: Any
    what: str


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the module's docstring."""
    path = Path(request["data"])
    specs = request["inputs"]
    if path.is_dir():
        data = _folder(path, specs, request["limit"])
    elif path.suffix == ".npz":
        data = _npz(path, specs)
    elif path.suffix == ".py":
        data = _loader(path, specs, request["limit"])
    else:
        raise ConfigError(
            f"{path} is no data that edgekit reads",
            hint="give an .npz, a folder of pictures or a Python file with samples()",
        )
    _require_samples(data, path)
    arrays = [array[: request["limit"]] for array in data.arrays]
    labels = None if data.labels is None else numpy.asarray(data.labels)[: request["limit"]]
    if not len(arrays[0]):
        raise ConfigError(f"{path} holds no samples")
    content: dict[str, Any] = {}
    pipeline = request["pipeline"]
    if arrays[0].dtype == numpy.uint8 and arrays[0].ndim == 4 and arrays[0].shape[-1] == 3:
        pictures, pipeline = _pictures(arrays[0], specs, pipeline, path)
        content["pictures"] = pictures
        content["input_0"] = _inputs_of(pictures, specs[0], pipeline)
    else:
        for j, (array, spec) in enumerate(zip(arrays, specs, strict=True)):
            content[f"input_{j}"] = _checked(array, spec, path)
    if labels is not None:
        content["labels"] = labels.reshape(len(labels), -1)[:, 0].astype(numpy.int64)
    numpy.savez(request["out"], **content)
    return {
        "count": len(arrays[0]),
        "labels": labels is not None,
        "pictures": "pictures" in content,
        "pipeline": pipeline,
        "what": data.what,
    }


def _require_samples(data: Data, path: Path) -> None:
    """Numbers, samples first, as many for every input and for the labels."""
    for array in data.arrays:
        if array.ndim == 0 or array.dtype.kind not in "fiub":
            raise ConfigError(
                f"{path} holds an array of {array.dtype} with {array.ndim} dimensions",
                hint="numbers are needed, samples first: numpy.savez('samples.npz', x=inputs)",
            )
    counts = {len(array) for array in data.arrays}
    if data.labels is not None:
        labels = numpy.asarray(data.labels)
        if labels.ndim == 0 or labels.dtype.kind not in "iub":
            raise ConfigError(f"{path}: labels must be whole numbers, one per sample")
        counts.add(len(labels))
    if len(counts) > 1:
        shown = ", ".join(map(str, sorted(counts)))
        raise ConfigError(f"{path}: inputs and labels differ in count: {shown}")


def _npz(path: Path, specs: list[dict[str, Any]]) -> Data:
    try:
        with numpy.load(path, allow_pickle=False) as archive:
            content = {name: archive[name] for name in archive.files}
    except Exception as err:  # numpy raises many kinds for damaged archives
        raise ConfigError(
            f"{path} cannot be read as .npz: {err}",
            hint="write it with numpy.savez('samples.npz', x=inputs, y=labels); no object arrays",
        ) from err
    labels = next((content.pop(name) for name in LABELS if name in content), None)
    if len(specs) == 1 and specs[0]["name"] not in content:
        named = [name for name in SINGLE if name in content] or list(content)
        if len(named) > 1 and named[0] not in SINGLE:
            raise ConfigError(
                f"{path} has the arrays {', '.join(named)}; expected x, or one array"
            )
        arrays = [content[named[0]]] if named else []
    else:
        missing = [spec["name"] for spec in specs if spec["name"] not in content]
        if missing:
            raise ConfigError(
                f"{path} lacks the inputs {', '.join(missing)}; it has {', '.join(content)}"
            )
        arrays = [content[spec["name"]] for spec in specs]
    if not arrays:
        raise ConfigError(f"{path} holds no inputs")
    return Data(arrays, labels, path.name)


def _folder(path: Path, specs: list[dict[str, Any]], limit: int) -> Data:
    from PIL import Image, UnidentifiedImageError

    height, width, _ = _picture_size(specs, path)
    files = sorted(p for p in path.rglob("*") if p.suffix.lower() in PICTURES)
    if not files:
        raise ConfigError(f"{path} holds no pictures ({', '.join(PICTURES)})")
    # an even choice over all classes, not the first class alone
    files = files[:: max(1, len(files) // limit)][:limit]
    classes = sorted({p.parent.name for p in files if p.parent != path})
    numbered = all(name.isdigit() for name in classes)
    pictures, labels = [], []
    for file in files:
        try:
            with Image.open(file) as image:
                pictures.append(numpy.asarray(_fit(image.convert("RGB"), height, width)))
        except (UnidentifiedImageError, OSError) as err:
            raise ConfigError(f"{file} is no picture that can be read: {err}") from err
        if classes:
            name = file.parent.name
            labels.append(int(name) if numbered else classes.index(name))
    return Data([numpy.stack(pictures)], labels or None, path.name)


def _loader(path: Path, specs: list[dict[str, Any]], limit: int) -> Data:
    spec = importlib.util.spec_from_file_location("edgekit_user_samples", path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not hasattr(module, "samples"):
        raise ConfigError(f"{path} has no function samples() that yields inputs")
    rows, labels = _rows(module.samples(), specs, limit)
    if not rows:
        raise ConfigError(f"{path}: samples() yields nothing")
    if labels and len(labels) != len(rows):
        raise ConfigError(f"{path}: samples() yields labels for {len(labels)} of {len(rows)}")
    try:
        columns = list(zip(*rows, strict=True))
        arrays = [numpy.stack([numpy.asarray(a) for a in column]) for column in columns]
    except ValueError as err:
        raise ConfigError(f"{path}: samples() yields inputs of different shapes: {err}") from err
    if len(arrays) != len(specs):
        raise ConfigError(f"{path}: samples() yields {len(arrays)} inputs, expected {len(specs)}")
    return Data(arrays, labels or None, path.name)


# Any: whatever a person's loader yields
def _rows(
    items: Iterable[Any], specs: list[dict[str, Any]], limit: int
) -> tuple[list[list[Any]], list[int]]:
    """Inputs by sample, and labels where items are pairs."""
    rows: list[list[Any]] = []
    labels: list[int] = []
    for item in items:
        value = item
        if isinstance(item, tuple) and len(item) == 2 and numpy.ndim(item[1]) == 0:
            value, label = item
            labels.append(int(label))
        if isinstance(value, dict):
            value = [value[spec["name"]] for spec in specs]
        rows.append(list(value) if isinstance(value, list | tuple) else [value])
        if len(rows) >= limit:
            break
    return rows, labels


def _pictures(
    pictures: Any, specs: list[dict[str, Any]], pipeline: dict[str, Any] | None, path: Path
) -> tuple[Any, dict[str, Any]]:
    if not pipeline or pipeline["kind"] != "image":
        raise ConfigError(
            f"{path} holds pictures (uint8), and nothing says how they become inputs",
            hint="--pipeline imagenet (or unit, signed, raw, mean=127,std=128)",
        )
    height, width, layout = _picture_size(specs, path)
    if pictures.shape[1:3] != (height, width):
        from PIL import Image

        fitted = [_fit(Image.fromarray(picture), height, width) for picture in pictures]
        pictures = numpy.stack([numpy.asarray(picture) for picture in fitted])
    return pictures, pipeline | {"height": height, "width": width, "layout": layout}


def _inputs_of(pictures: Any, spec: dict[str, Any], pipeline: dict[str, Any]) -> Any:
    tensor = Tensor(spec["name"], tuple(spec["shape"]), spec["dtype"])
    return numpy.stack([preprocess(picture, pipeline, tensor) for picture in pictures])


def _picture_size(specs: list[dict[str, Any]], path: Path) -> tuple[int, int, str]:
    shape = specs[0]["shape"]
    if len(specs) == 1 and len(shape) == 4:
        if shape[1] == 3:
            return shape[2], shape[3], "NCHW"
        if shape[3] == 3:
            return shape[1], shape[2], "NHWC"
    shown = ", ".join("x".join(map(str, spec["shape"])) for spec in specs)
    raise ConfigError(f"{path} holds pictures, the model takes {shown}")


def _fit(image: Any, height: int, width: int) -> Any:  # Any: Pillow images
    """Scales the shorter side to the model's size and cuts the middle out."""
    scale = max(height / image.height, width / image.width)
    size = (max(width, round(image.width * scale)), max(height, round(image.height * scale)))
    resized = image.resize(size, resample=2)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return resized.crop((left, top, left + width, top + height))


def _checked(array: Any, spec: dict[str, Any], path: Path) -> Any:
    """The array as [n, *shape], in the input's dtype."""
    shape = tuple(spec["shape"])
    single = array.shape[1:]
    if single == shape:
        found = array
    elif single == shape[1:]:
        found = array[:, numpy.newaxis]
    else:
        wanted = "x".join(map(str, ("n", *shape[1:])))
        got = "x".join(map(str, array.shape))
        turned = len(single) == 3 and (single[2], single[0], single[1]) == shape[1:]
        turned_back = len(single) == 3 and (single[1], single[2], single[0]) == shape[1:]
        hint = "samples come first, then the shape of one input"
        if turned:
            hint = "turn it: x.transpose(0, 3, 1, 2)"
        elif turned_back:
            hint = "turn it: x.transpose(0, 2, 3, 1)"
        raise ConfigError(
            f"{path}: samples for input {spec['name']!r} have shape {got}, expected {wanted}",
            hint=hint,
        )
    if not numpy.isfinite(found).all():
        raise ConfigError(f"{path}: samples for input {spec['name']!r} hold NaN or infinity")
    return found.astype(spec["dtype"])
