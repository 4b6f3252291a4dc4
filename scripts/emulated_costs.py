"""What an inference costs on emulated arm64 processors, counted in instructions; and the guard on it.

The emulated board's clock advances one nanosecond per instruction, so the figures repeat to a few
instructions whatever else this machine does. They are stamped emulated: there are no caches and no
memory to wait for. A change of some tenths of a percent is a change of the runner, the engine or
the converter.
"""

from __future__ import annotations

import statistics
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy

from edgekit.boards.deploy import DeployRequest, deploy, load_card
from edgekit.boards.session import ensure_runner
from edgekit.boards.transports import open_transport
from edgekit.boards.virtual.arm64 import Arm64Board
from edgekit.convert.converting import convert
from edgekit.convert.pipelines import parse_pipeline
from edgekit.convert.request import ConvertRequest
from edgekit.core.measurement import RunOptions
from edgekit.core.mode import Mode
from edgekit.core.record import Record
from edgekit.measure.board_run import RunTarget, run_on_board
from edgekit.toolenvs.environment import ensure

FILE = Path(__file__).resolve().parent.parent / "tests" / "data" / "emulated" / "costs.json"
PROFILE = "raspberrypi"
MIN_SHARE, MEDIAN_SHARE = 0.001, 0.005
"""How far the smallest and the middle cost may be from the recorded ones."""
SMALL = """
import sys
import keras
keras.utils.set_random_seed(1)
inputs = keras.Input((48, 48, 3), name="photo")
x = keras.layers.Conv2D(16, 3, strides=2, activation="relu")(inputs)
for _ in range(2):
    x = keras.layers.DepthwiseConv2D(3, padding="same", activation="relu")(x)
    x = keras.layers.Conv2D(32, 1, activation="relu")(x)
x = keras.layers.GlobalAveragePooling2D()(x)
keras.Model(inputs, keras.layers.Dense(10)(x)).save(sys.argv[1])
"""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Subject:
    """An artifact whose cost is kept."""

    name: str
    recipe: str
    engine: str
    runs: int

    @property
    def title(self) -> str:
        """Name and recipe."""
        return f"{self.name} {self.recipe}"


GUARD = Subject("small", "int8-static", "litert", 60)
"""Small enough for every run of the tests: 0.9 million instructions."""
GUARD_FLOAT = Subject("small", "float", "onnxruntime", 60)
SUBJECTS = (
    GUARD,
    GUARD_FLOAT,
    Subject("efficientnet-lite0", "int8-static", "litert", 5),
)
"""The demo's artifact for the board, and a small network for both engines."""


@dataclass(frozen=True)
class Cost:
    """Of one inference: inputs copied in, invoked, outputs copied out, one thread."""

    subject: str
    engine: str
    version: str
    processor: str
    min_ns: int
    median_ns: int
    mode: Mode = Mode.EMULATED


@dataclass(frozen=True)
class Costs(Record):
    """The file that changes are compared with."""

    KIND: ClassVar[str] = "edgekit.emulated_costs"

    costs: tuple[Cost, ...]


def artifact_of(subject: Subject, folder: Path, say: Say) -> Path:
    """Converts the subject for a Raspberry Pi."""
    pipeline = ""
    if subject.name == "small":
        model, calibration = folder / "small.keras", folder / "calibration.npz"
        if not model.exists():
            python = str(ensure("tensorflow", progress=say))
            subprocess.run([python, "-c", SMALL, str(model)], check=True, capture_output=True)
            pixels = numpy.random.default_rng(0).random((20, 48, 48, 3), dtype=numpy.float32)
            numpy.savez(calibration, photo=pixels)
    else:
        from demo_model import prepare

        model, calibration, _ = prepare(say)
        pipeline = "mean=127,std=128"
    request = ConvertRequest(
        model,
        PROFILE,
        subject.recipe,
        subject.engine,
        calibration=None if subject.recipe == "float" else calibration,
        pipeline=parse_pipeline(pipeline),
        name=subject.name,
        proof=False,
    )
    path = folder / f"{subject.name}-{subject.recipe}"
    convert(request, path, progress=say)
    return path


def costs_on(
    processor: str, artifacts: Sequence[tuple[Subject, Path]], say: Say
) -> Iterator[Cost]:
    """Boots the processor once and measures every artifact on it."""
    with (
        Arm64Board(PROFILE, processor=processor, progress=say) as board,
        open_transport(board.entry) as transport,
    ):
        for subject, folder in artifacts:
            say(f"{subject.title} on {processor}")
            deployed = deploy(DeployRequest(folder, board.entry, subject.name), transport)
            assert deployed.deployment
            card = load_card(folder)
            target = RunTarget(
                board.entry, deployed.facts, deployed.deployment, card, deployed.site
            )
            options = RunOptions(subject.engine, 1, subject.runs, min(3, subject.runs // 4))
            found = run_on_board(ensure_runner(transport), target, options)
            assert found.mode is Mode.EMULATED
            samples = found.samples_ns["infer"]
            middle = round(statistics.median(samples))
            version = found.engine_version
            yield Cost(subject.title, subject.engine, version, processor, min(samples), middle)


def changes(recorded: Sequence[Cost], found: Sequence[Cost]) -> list[str]:
    """What is not as recorded, a sentence each."""
    by_key = {(cost.subject, cost.processor): cost for cost in recorded}
    problems = []
    for cost in found:
        name = f"{cost.subject} on {cost.processor}"
        old = by_key.get((cost.subject, cost.processor))
        if old is None:
            problems.append(f"{name} is not recorded")
            continue
        if (old.engine, old.version) != (cost.engine, cost.version):
            was, now = f"{old.engine} {old.version}", f"{cost.engine} {cost.version}"
            problems.append(f"{name} was recorded with {was}, this is {now}")
            continue
        for what, before, now_ns, allowed in (
            ("smallest", old.min_ns, cost.min_ns, MIN_SHARE),
            ("median", old.median_ns, cost.median_ns, MEDIAN_SHARE),
        ):
            if abs(now_ns / before - 1) > allowed:
                moved = f"{before} to {now_ns} instructions ({now_ns / before - 1:+.2%})"
                problems.append(f"{name}: the {what} cost went from {moved}")
    return problems
