"""Many conversions at once: one row each, a failure never stops the others."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from edgekit.convert.converting import convert
from edgekit.convert.request import ConvertRequest
from edgekit.core.artifact import Agreement, ModelArtifact
from edgekit.core.errors import ConvertError, EdgekitError
from edgekit.core.record import Record, Unavailable
from edgekit.toolenvs.worker import machine_shared_by

BUG = 1
"""Exit code of an error that is ours, as in cli/exits.py."""
NOT_MADE = Unavailable("not made")
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Job:
    """One conversion of many."""

    request: ConvertRequest
    out: Path

    @property
    def label(self) -> str:
        """How its lines are told from others'."""
        return f"{self.request.name or self.request.model.stem} for {self.request.profile}"


@dataclass(frozen=True)
class ConversionRow:
    """What became of one conversion."""

    model: str
    profile: str
    exit_code: int
    """0 when the artifact was made; else that of its error (edgekit help exit-codes)."""
    elapsed_s: float
    artifact: str = ""
    """Folder; empty when there is none."""
    engine: str = ""
    recipe: str = ""
    size_bytes: int | Unavailable = NOT_MADE
    float_size_bytes: int | Unavailable = NOT_MADE
    top1_agreement: float | None = None
    cosine: float | None = None
    error: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Conversions(Record):
    """Rows of many conversions, in the order they were asked for."""

    KIND: ClassVar[str] = "edgekit.conversions"

    rows: tuple[ConversionRow, ...]

    @property
    def exit_code(self) -> int:
        """0 when all were made; the failures' own code where they share one; else 4."""
        codes = {row.exit_code for row in self.rows} - {0}
        if not codes:
            return 0
        return codes.pop() if len(codes) == 1 else ConvertError.exit_code


def plan_jobs(requests: Sequence[ConvertRequest], out: Path) -> tuple[Job, ...]:
    """A folder for every conversion: ``out/<model>/<profile>``, numbered where names repeat."""
    jobs: list[Job] = []
    folders: dict[Path, str] = {}
    for request in requests:
        name = request.name or request.model.stem
        model, folder, number = str(request.model), out / name, 2
        while folders.setdefault(folder, model) != model:
            folder, number = out / f"{name}-{number}", number + 1
        jobs.append(Job(request, folder / request.profile.replace("/", "_")))
    return tuple(jobs)


def convert_all(
    jobs: Sequence[Job], *, at_once: int = 1, progress: Progress = lambda message: None
) -> Conversions:
    """Converts everything, up to ``at_once`` at a time, each with its share of the memory."""
    lock = threading.Lock()

    def run(job: Job) -> ConversionRow:
        def told(message: str) -> None:
            with lock:
                progress(f"[{job.label}] {message}")

        row = run_job(job, progress=told)
        told(row.error or f"{row.engine} {row.recipe}, {row.elapsed_s:.1f} s")
        return row

    with machine_shared_by(at_once), ThreadPoolExecutor(max_workers=at_once) as pool:
        return Conversions(tuple(pool.map(run, jobs)))


def run_job(job: Job, *, progress: Progress = lambda message: None) -> ConversionRow:
    """One conversion as a row, whatever happens."""
    started = time.perf_counter()
    blank = ConversionRow(str(job.request.model), job.request.profile, 0, 0.0)
    try:
        card = convert(job.request, job.out, progress=progress)
    except EdgekitError as err:
        row = dataclasses.replace(blank, exit_code=err.exit_code, error=err.message, hint=err.hint)
    except Exception as err:  # noqa: BLE001  boundary: our bug in one must not stop the others
        text = f"internal error: {type(err).__name__}: {err}"
        row = dataclasses.replace(blank, exit_code=BUG, error=text, hint="please report it")
    else:
        row = _made(blank, job, card)
    return dataclasses.replace(row, elapsed_s=round(time.perf_counter() - started, 3))


def _made(blank: ConversionRow, job: Job, card: ModelArtifact) -> ConversionRow:
    agreement = card.agreement if isinstance(card.agreement, Agreement) else None
    return dataclasses.replace(
        blank,
        artifact=str(job.out),
        engine=card.engine,
        recipe=card.recipe,
        size_bytes=card.size_bytes,
        float_size_bytes=card.float_size_bytes,
        top1_agreement=agreement.top1_agreement if agreement else None,
        cosine=agreement.cosine if agreement else None,
    )
