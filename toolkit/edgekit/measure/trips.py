"""Times requests to a cloud endpoint, directly or over emulated networks."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit.cloud.endpoint import parse_endpoint
from edgekit.core.artifact import ModelArtifact
from edgekit.core.errors import EndpointFailed
from edgekit.core.mode import Mode
from edgekit.core.network import CloudTrip, NetworkProfile
from edgekit.measure.stats import summarize
from edgekit.measure.validity import judge_samples
from edgekit.networks.link import ShapingLink
from edgekit.toolenvs import worker

CLIENT = "edgekit.cloud.serving.client"
DIRECT = "direct"
PAYLOADS = ("jpeg", "picture", "tensor")


@dataclass(frozen=True)
class TripRequest:
    """What to send where."""

    endpoint: str
    folder: Path
    """Artifact folder whose golden vectors are sent."""
    artifact: ModelArtifact
    networks: tuple[NetworkProfile, ...] = ()
    """Empty: the network that is really there."""
    model_name: str = ""
    payload: str = ""
    """jpeg, picture or tensor; empty takes jpeg for pictures, else tensor."""
    runs: int = 100
    warmup_runs: int = 3
    max_duration_s: float = 10.0
    """Per network."""
    timeout_s: float = 60.0


def default_payload(artifact: ModelArtifact) -> str:
    """What clients of such a model send: pictures travel as JPEG."""
    return "jpeg" if artifact.pipeline.kind == "image" else "tensor"


def measure_trips(
    request: TripRequest, *, progress: Callable[[str], None] = lambda message: None
) -> tuple[CloudTrip, ...]:
    """Trips over every network, interleaved in blocks.

    Raises:
        EndpointFailed: no endpoint answers there, or it refuses the request.
    """
    host, port = parse_endpoint(request.endpoint)
    name = request.model_name or request.artifact.name
    payload = request.payload or default_payload(request.artifact)
    with ExitStack() as stack:
        items = [{"id": DIRECT, "host": host, "port": port}] if not request.networks else []
        for network in request.networks:
            link = stack.enter_context(ShapingLink(network, host, port))
            items.append({"id": network.id, "host": link.host, "port": link.port})
        progress(f"asking {request.endpoint} over {', '.join(str(i['id']) for i in items)}")
        reply = worker.call(
            "cloud",
            CLIENT,
            {
                "folder": str(request.folder.absolute()),
                "model_name": name,
                "payload": payload,
                "trips": items,
                "runs": request.runs,
                "warmup_runs": request.warmup_runs,
                "max_duration_s": request.max_duration_s,
                "timeout_s": request.timeout_s,
            },
            limits=worker.Limits(
                time_s=len(items) * (request.max_duration_s + 8 * request.timeout_s) + 60
            ),
            progress=progress,
        )
    by_id = {network.id: network for network in request.networks}
    return tuple(
        _trip(request, name, payload, by_id.get(str(key)), found)
        for key, found in reply["trips"].items()
    )


def _trip(
    request: TripRequest,
    name: str,
    payload: str,
    network: NetworkProfile | None,
    found: Mapping[str, Any],  # Any: JSON
) -> CloudTrip:
    samples: dict[str, Sequence[int]] = found["samples_ns"]
    if not samples.get("total"):
        raise EndpointFailed(f"no request to {request.endpoint} was answered")
    artifact = request.artifact
    main = next(entry for entry in artifact.files if entry.path == artifact.model)
    return CloudTrip(
        id=f"trip-{secrets.token_hex(4)}",
        endpoint=request.endpoint,
        model_name=name,
        model={
            "name": artifact.name,
            "format": artifact.format.value,
            "recipe": artifact.recipe,
            "sha256": main.sha256,
            "source_sha256": artifact.source.sha256,
            "payload": payload,
        },
        network=network,
        origin="host",
        mode=Mode.EMULATED if network else Mode.MEASURED,
        up_bytes=tuple(found["up_bytes"]),
        down_bytes=tuple(found["down_bytes"]),
        once_ns=found["once_ns"],
        samples_ns={key: tuple(values) for key, values in samples.items()},
        starts_ns=tuple(found["starts_ns"]),
        summaries={key: summarize(values) for key, values in samples.items()},
        validity=tuple(judge_samples(samples["total"], found["starts_ns"])),
        measured_utc=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    )
