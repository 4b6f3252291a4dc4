"""Many conversions as tasks of a Ray cluster."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from edgekit.convert.batch import ConversionRow, Conversions, Job
from edgekit.convert.budget import metric_file
from edgekit.convert.detect import external_files
from edgekit.convert.replay import FILES, plain_request
from edgekit.core.errors import ConvertError
from edgekit.core.record import from_plain
from edgekit.toolenvs import worker

TIME_LIMIT_S = 24 * 3600
ENVIRONMENT = "ray"


def convert_on_ray(
    jobs: Sequence[Job], address: str, *, progress: Callable[[str], None] = lambda message: None
) -> Conversions:
    """Converts everything on a cluster.

    Args:
        jobs: what to convert; the files travel to the nodes.
        address: of the cluster's head, ``auto`` for the one of this machine, ``local`` for a new
            one that lives as long as this call.
        progress: receives a line per stage.

    Raises:
        ConfigError: no cluster answers there.
        ToolEnvironmentError: Ray cannot be installed.
    """
    progress(f"{len(jobs)} conversions on Ray at {address}")
    reply = worker.call(
        ENVIRONMENT,
        "edgekit.convert.workers.ray_tasks",
        {
            "address": address,
            "python": sys.executable,
            "jobs": [
                {
                    "fields": plain_request(job.request),
                    "files": _files(job),
                    "out": str(job.out.absolute()),
                }
                for job in jobs
            ],
        },
        limits=worker.Limits(time_s=TIME_LIMIT_S),
        progress=progress,
    )
    rows = []
    for job, found in zip(jobs, reply["rows"], strict=True):
        model, profile = str(job.request.model), job.request.profile
        if "exit_code" not in found:
            lost = ConversionRow(model, profile, ConvertError.exit_code, 0.0, error=found["error"])
            rows.append(lost)
            continue
        plain = found | {"model": model, "artifact": str(job.out) if found["artifact"] else ""}
        rows.append(from_plain(ConversionRow, plain))
    progress(f"{reply['nodes']} nodes of Ray {reply['tools']['ray']}")
    return Conversions(tuple(rows))


def _files(job: Job) -> dict[str, list[str]]:
    """The files of a request by field, an ONNX model's weights beside it."""
    found: dict[str, list[str]] = {}
    for field in FILES:
        path: Path | None = getattr(job.request, field)
        if path is None or not path.exists():
            continue
        beside = external_files(path) if path.suffix == ".onnx" else ()
        found[field] = [str(path.absolute()), *(str(file) for file in beside)]
    metric = metric_file(job.request.metric)
    if metric is not None and metric.exists():
        found["metric"] = [str(metric.absolute())]
    return found
