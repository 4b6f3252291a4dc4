"""Rows of a folder of .wav files: windows of the model's length at the pipeline's sample rate.

The largest float input takes the sound, -1..1, mono; an input called ``sr`` or ``sample_rate``
takes the rate, and all others are zeros (states at the beginning).
"""

from __future__ import annotations

import math
import wave
from collections.abc import Iterator
from math import prod
from pathlib import Path
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

RATE_INPUTS = ("sr", "rate", "sample_rate", "sampling_rate")


def read_audio(request: DataRequest, files: list[Path]) -> RowStream:
    """Windows of every file, one after the other, the last one filled with silence.

    Raises:
        ConfigError: no pipeline gives the sample rate, or the model takes no sound.
    """
    pipeline = request.pipeline
    if not pipeline or pipeline["kind"] != "audio":
        raise ConfigError(
            f"{request.path} holds sound, and nothing says how it becomes inputs",
            hint="--pipeline audio:rate=16000",
        )
    rate = int(pipeline["sample_rate_hz"])
    sound = _sound_input(request)
    length = int(request.specs[sound]["shape"][-1])
    labels, notes = class_labels(files, request.path)
    counts = [_window_count(file, rate, length) for file in files]
    starts = numpy.cumsum([0, *counts])

    def rows(limit: int) -> Iterator[Row]:
        held, samples = -1, numpy.zeros(0, numpy.float32)
        for i in spread(int(starts[-1]), limit):
            which = int(numpy.searchsorted(starts, i, side="right")) - 1
            if which != held:
                held, samples = which, read_sound(files[which], rate)
            begin = (i - int(starts[which])) * length
            window = numpy.zeros(length, numpy.float32)
            part = samples[begin : begin + length]
            window[: len(part)] = part
            yield Row(_inputs(request, sound, window, rate), labels[which] if labels else None)

    return RowStream(int(starts[-1]), rows, notes)


def read_sound(file: Path, rate: int) -> Any:  # Any: an array
    """The file as float32 mono, -1..1, at the wanted rate.

    Raises:
        ConfigError: it is damaged or compressed.
    """
    try:
        with wave.open(str(file), "rb") as stream:
            width, channels = stream.getsampwidth(), stream.getnchannels()
            found_rate, data = stream.getframerate(), stream.readframes(stream.getnframes())
    except (wave.Error, EOFError, OSError) as err:
        raise ConfigError(f"{file} is no .wav that can be read: {err}") from err
    if width not in (1, 2, 3, 4):
        raise ConfigError(f"{file} has samples of {width} bytes; expected 1 to 4")
    values = _integers(data, width)
    values = values[: len(values) // channels * channels].reshape(-1, channels).mean(1)
    if found_rate != rate:
        from scipy.signal import resample_poly

        common = math.gcd(found_rate, rate)
        values = resample_poly(values, rate // common, found_rate // common)
    return values.astype(numpy.float32)


def _integers(data: bytes, width: int) -> Any:
    """PCM bytes as floats -1..1."""
    data = data[: len(data) // width * width]
    if width == 1:
        return (numpy.frombuffer(data, numpy.uint8).astype(numpy.float64) - 128) / 128
    if width == 3:
        raw = numpy.frombuffer(data, numpy.uint8).reshape(-1, 3)
        wide = numpy.zeros((len(raw), 4), numpy.uint8)
        wide[:, 1:] = raw
        return wide.view("<i4")[:, 0] / 2.0**31
    return numpy.frombuffer(data, f"<i{width}") / 2.0 ** (8 * width - 1)


def _window_count(file: Path, rate: int, length: int) -> int:
    try:
        with wave.open(str(file), "rb") as stream:
            samples = stream.getnframes() * rate / stream.getframerate()
    except (wave.Error, EOFError, OSError, ZeroDivisionError) as err:
        raise ConfigError(f"{file} is no .wav that can be read: {err}") from err
    return max(1, math.ceil(samples / length))


def _sound_input(request: DataRequest) -> int:
    floats = [j for j, s in enumerate(request.specs) if s["dtype"].startswith("float")]
    if not floats:
        raise ConfigError(f"{request.path} holds sound, the model has no float input")
    named = [j for j in floats if request.specs[j]["name"] in ("input", "audio", "x", "waveform")]
    return (named or sorted(floats, key=lambda j: -prod(request.specs[j]["shape"])))[0]


def _inputs(request: DataRequest, sound: int, window: Any, rate: int) -> list[Any]:
    arrays = []
    for j, spec in enumerate(request.specs):
        array = numpy.zeros(spec["shape"], spec["dtype"])
        if j == sound:
            array[..., :] = window
        elif spec["name"] in RATE_INPUTS:
            array[...] = rate
        arrays.append(array)
    return arrays
