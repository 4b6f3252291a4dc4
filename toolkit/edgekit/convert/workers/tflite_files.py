"""Reading TFLite files."""

from __future__ import annotations

from typing import Any


# Any: arrays
def signature_batches(
    model: str, samples: str, channel_last: list[int], names: list[str]
) -> dict[str, list[dict[str, Any]]]:
    """Samples as feeds of the model's signature.

    Args:
        model: path of the file.
        samples: path of the folder (see samples_file).
        channel_last: positions of inputs that the model wants as [1, H, W, C] although the
            samples are [1, C, H, W].
        names: of the source's inputs.
    """
    from ai_edge_litert.interpreter import Interpreter

    from edgekit.convert.workers.samples_file import read_inputs

    interpreter = Interpreter(model_path=model)
    signatures = interpreter.get_signature_list()
    inputs = read_inputs(samples)
    details = interpreter.get_input_details()
    order = source_order(details, inputs, channel_last, names)
    if signatures:
        key = next(iter(signatures))
        runner = interpreter.get_signature_runner(key)
        indexes = {d["index"]: name for name, d in runner.get_input_details().items()}
        keys = [indexes[d["index"]] for d in details]
    else:
        key, keys = None, [d["name"] for d in details]
    feeds = []
    for i in range(len(inputs[0])):
        arranged = arrange([array[i] for array in inputs], order, channel_last)
        feeds.append(
            {
                name: array.astype(detail["dtype"])
                for name, array, detail in zip(keys, arranged, details, strict=True)
            }
        )
    return {key: feeds}


def source_order(
    details: list[dict[str, Any]],
    inputs: list[Any],
    channel_last: list[int],
    names: list[str],
) -> list[int]:
    """For each input of the file, the position of the source's input.

    Converters may reorder inputs: the source's name inside the file's, or a numbered name
    (``args_1``), tells the position; else the shapes do where all differ; else the order stays.
    """
    if len(details) == 1:
        return [0]
    named = [_named(str(detail["name"]), names) for detail in details]
    if sorted(named) == list(range(len(details))):
        return named
    numbers = [_number(str(detail["name"])) for detail in details]
    if sorted(numbers) == list(range(len(details))):
        return numbers
    shapes = [
        _channel_last_shape(array.shape[1:]) if j in channel_last else tuple(array.shape[1:])
        for j, array in enumerate(inputs)
    ]
    wanted = [tuple(int(size) for size in detail["shape"]) for detail in details]
    if len(set(shapes)) == len(shapes) and set(shapes) == set(wanted):
        return [shapes.index(shape) for shape in wanted]
    return list(range(len(details)))


def arrange(arrays: list[Any], order: list[int], channel_last: list[int]) -> list[Any]:
    """One sample's inputs in the file's order and layout."""
    from edgekit.convert.workers.samples_file import to_channel_last

    return [to_channel_last(arrays[j]) if j in channel_last else arrays[j] for j in order]


def _named(name: str, names: list[str]) -> int:
    """Position of the longest of the source's names that the file's name holds, or -1."""
    held = [known for known in names if known in name]
    return names.index(max(held, key=len)) if held else -1


def _number(name: str) -> int:
    import re

    found = re.findall(r"args_(\d+)", name)
    return int(found[-1]) if found else -1


def _channel_last_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    n, c, h, w = shape
    return (n, h, w, c)
