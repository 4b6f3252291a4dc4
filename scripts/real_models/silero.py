"""Silero VAD 16 kHz (MIT): is somebody speaking? Judged on the recordings of alsa-utils."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import numpy

from edgekit.toolenvs import worker
from real_models.model import Metric, Progress, RealModel, folder_of
from real_models.packages import debian_package, python_package

PACKAGE = "silero-vad==6.2.3"
WINDOW, CONTEXT = 512, 64
"""Samples at 16 kHz per step, and how many of the step before come along. Source: silero-vad's README."""
DECIMATION = 3
"""The recordings have 48 kHz."""
CALIBRATING = ("Front_Center", "Front_Left", "Rear_Right")
JUDGING = ("Front_Right", "Rear_Center", "Rear_Left", "Side_Left", "Side_Right")
NOISE_SHARES = (0.0, 0.1, 0.4)
"""How much of the noise recording is mixed in."""


def prepare(progress: Progress) -> RealModel:
    """The variant without control flow; its state inputs come from its own steps before."""
    package = python_package(PACKAGE, progress=progress)
    model = package / "silero_vad" / "data" / "silero_vad_openvino_16k.onnx"
    folder = folder_of("silero")
    calibration, evaluation = folder / "calibration.npz", folder / "evaluation.npz"
    if not evaluation.exists():
        progress("cutting recordings into steps")
        sounds = debian_package("alsa-utils", progress=progress) / "usr/share/sounds/alsa"
        noise = read_recording(sounds / "Noise.wav")
        half = len(noise) // 2
        _write_steps(model, sounds, CALIBRATING, noise[:half], calibration)
        _write_steps(model, sounds, JUDGING, noise[half:], evaluation)
    return RealModel(
        name="silero-vad",
        model=model,
        calibration=calibration,
        evaluation=evaluation,
        metric=Metric.DECISION,
        about="ONNX, audio and a state (silero-vad 6.2.3); spoken words of alsa-utils with none, a "
        "little and much noise; other recordings calibrate",
    )


def _write_steps(
    model: Path, sounds: Path, names: tuple[str, ...], noise: numpy.ndarray, out: Path
) -> None:
    """Sound as the model takes it, with the states that the model itself came to."""
    tracks = [noise]
    for name in names:
        speech = read_recording(sounds / f"{name}.wav")
        tracks += [speech + share * numpy.resize(noise, speech.shape) for share in NOISE_SHARES]
    cut = [steps(track.astype(numpy.float32)) for track in tracks]
    tracks_file = out.with_name(f"tracks-{out.name}")
    named: dict[str, Any] = {f"track_{i}": rows for i, rows in enumerate(cut)}  # Any: arrays
    numpy.savez(tracks_file, **named)
    request = {"model": str(model), "tracks": str(tracks_file), "out": str(out)}
    worker.call("onnx", "real_models.workers.silero_states", request)
    tracks_file.unlink()


def steps(track: numpy.ndarray) -> numpy.ndarray:
    """[n, 1, 576]: each step with the end of the one before."""
    padded = numpy.concatenate([numpy.zeros(CONTEXT, numpy.float32), track])
    count = len(track) // WINDOW
    return numpy.stack(
        [padded[i * WINDOW : (i + 1) * WINDOW + CONTEXT][numpy.newaxis] for i in range(count)]
    )


def read_recording(path: Path) -> numpy.ndarray:
    """The recording at 16 kHz in -1..1, low-passed before every third sample is taken."""
    with wave.open(str(path)) as sound:
        values = numpy.frombuffer(sound.readframes(sound.getnframes()), numpy.int16)
    taps = numpy.sinc(numpy.arange(-48, 49) / DECIMATION) * numpy.hamming(97)
    smooth = numpy.convolve(values / 32768.0, taps / taps.sum(), mode="same")
    return smooth[::DECIMATION].astype(numpy.float32)
