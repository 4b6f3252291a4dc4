"""What every case shares: artifacts of the models, requests of a payload, medians of trips."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit.boards.deploy import load_card
from edgekit.cloud.options import ModelOptions
from edgekit.cloud.server import CloudServer, ServerSettings
from edgekit.convert.converting import convert
from edgekit.convert.request import ConvertRequest
from edgekit.core.network import CloudTrip
from edgekit.measure.stats import median
from edgekit.measure.trips import TripRequest, measure_trips
from edgekit.toolenvs.environment import ensure

PROGRAMS = Path(__file__).parent / "programs"


@dataclass(frozen=True)
class Bench:
    """Where the bench works, and how long each case lasts."""

    folder: Path
    runs: int
    seconds: float

    def note(self, text: str) -> None:
        """A line of progress."""
        print(text, file=sys.stderr, flush=True)

    def make_models(self) -> None:
        """The models, and an artifact of each."""
        models = self.folder / "models"
        models.mkdir(parents=True)
        command = [str(ensure("onnx")), "-I", str(PROGRAMS / "models.py"), str(models)]
        subprocess.run(command, check=True)
        for path in sorted(models.glob("*.onnx")):
            self.note(f"converting {path.stem}")
            wanted = ConvertRequest(
                path,
                "generic-x86-64",
                recipe="float",
                engine="onnxruntime",
                proof=False,
            )
            convert(wanted, self.artifact(path.stem))

    def artifact(self, name: str) -> Path:
        """An artifact's folder."""
        return self.folder / "artifacts" / name

    def serve(self, *names: str, options: ModelOptions, **settings: Any) -> CloudServer:
        """Our server with these models."""  # Any: fields
        chosen = dataclasses.replace(ServerSettings(options=options), **settings)
        return CloudServer(*(self.artifact(name) for name in names), settings=chosen)

    def trip(self, endpoint: str, name: str, payload: str = "tensor", **changes: Any) -> CloudTrip:
        """Requests with the recorded inputs of an artifact."""  # Any: fields
        folder = self.artifact(name)
        request = TripRequest(
            endpoint,
            folder,
            load_card(folder),
            payload=payload,
            runs=self.runs,
            max_duration_s=self.seconds,
            timeout_s=30.0,
        )
        return measure_trips(dataclasses.replace(request, **changes))[0]


def p50_ms(trip: CloudTrip, phase: str = "total") -> float:
    """The median of a phase."""
    return median([value / 1e6 for value in trip.samples_ns[phase]])


def per_second(trip: CloudTrip) -> float:
    """Answers per second over the whole trip."""
    ends = [s + t for s, t in zip(trip.starts_ns, trip.samples_ns["total"], strict=True)]
    return len(ends) / ((max(ends) - trip.starts_ns[0]) / 1e9)
