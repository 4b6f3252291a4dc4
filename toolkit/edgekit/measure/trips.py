"""Times requests to a cloud endpoint, directly or over emulated networks."""

from __future__ import annotations

import secrets
import socket
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edgekit.cloud.endpoint import CloudAccess, CloudAddress, parse_endpoint
from edgekit.core.artifact import ModelArtifact
from edgekit.core.errors import ConfigError, EndpointFailed
from edgekit.core.measurement import Level, ValidityNote
from edgekit.core.mode import Mode
from edgekit.core.network import CloudTrip, NetworkProfile, OpenLoad, TripFailure
from edgekit.measure.stats import percentile, summarize
from edgekit.measure.validity import judge_samples
from edgekit.networks.link import ShapingLink
from edgekit.toolenvs import worker

CLIENT = "edgekit.cloud.serving.client"
DIRECT = "direct"
PAYLOADS = ("jpeg", "picture", "tensor", "json")
OPEN_CONNECTIONS = 32
LATE_SHARE = 0.01
"""Of the latency at p99: beyond it the load was not what was asked for."""


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
    """jpeg, picture, tensor, or json (a tensor as numbers, over REST); empty takes jpeg for
    pictures, else tensor."""
    runs: int = 100
    warmup_runs: int = 3
    max_duration_s: float = 10.0
    """Per network."""
    timeout_s: float = 60.0
    access: CloudAccess = field(default_factory=CloudAccess)
    concurrency: int = 1
    """Requests at any time."""
    load: OpenLoad | None = None
    """Requests at a rate, in place of one after the other."""


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
    address = parse_endpoint(request.endpoint)
    payload = request.payload or default_payload(request.artifact)
    if payload == "json" and address.protocol != "rest":
        raise ConfigError(
            "numbers as JSON travel over REST only", hint=f"--cloud http://{address.host}:8080"
        )
    _require_listener(address, request)
    with ExitStack() as stack:
        items = _items(request, address, payload, stack)
        progress(f"asking {request.endpoint} over {', '.join(str(i['id']) for i in items)}")
        reply = worker.call(
            "cloud",
            CLIENT,
            _document(request, payload, items),
            limits=worker.Limits(
                time_s=len(items) * (_longest_s(request) + 8 * request.timeout_s) + 60
            ),
            progress=progress,
        )
    by_id = {network.id: network for network in request.networks}
    return tuple(
        make_trip(
            request,
            address.protocol,
            payload,
            by_id.get(str(key)),
            found,
            reply["payload_bytes"],
        )
        for key, found in reply["trips"].items()
    )


def _require_listener(address: CloudAddress, request: TripRequest) -> None:
    """A link takes every connection, so what lies behind it is looked at first."""
    try:
        socket.create_connection((address.host, address.port), timeout=request.timeout_s).close()
    except OSError as err:
        raise EndpointFailed(
            f"no endpoint answers at {address.host}:{address.port}: {err.strerror or err}",
            hint="is it running? edgekit serve ARTIFACT starts one",
        ) from err


def _items(
    request: TripRequest, address: CloudAddress, payload: str, stack: ExitStack
) -> list[dict[str, Any]]:  # Any: JSON
    """One entry per way to the endpoint; links run while the stack lasts."""
    ways: list[tuple[str, tuple[str, int] | None]] = []
    for network in request.networks:
        link = stack.enter_context(ShapingLink(network, address.host, address.port))
        ways.append((network.id, (link.host, link.port)))
    form = "json" if payload == "json" else "binary"
    return [
        {
            "id": name,
            "protocol": address.protocol,
            "endpoint": address.document(request.access, via=via) | {"form": form},
        }
        for name, via in ways or [(DIRECT, None)]
    ]


def _document(
    request: TripRequest,
    payload: str,
    items: list[dict[str, Any]],  # Any: JSON
) -> dict[str, Any]:
    load: dict[str, Any] = {"concurrency": request.concurrency}  # Any: JSON
    if request.load:
        load = asdict(request.load)
        load["rate"] = load.pop("rate_per_s")
    return {
        "folder": str(request.folder.absolute()),
        "model_name": request.model_name or request.artifact.name,
        "payload": "tensor" if payload == "json" else payload,
        "trips": items,
        "runs": request.runs,
        "warmup_runs": request.warmup_runs,
        "max_duration_s": request.max_duration_s,
        "timeout_s": request.timeout_s,
        "load": load,
    }


def _longest_s(request: TripRequest) -> float:
    return max(request.max_duration_s, request.load.seconds if request.load else 0.0)


def judge_trip(
    samples_ns: Mapping[str, Sequence[int]],
    starts_ns: Sequence[int],
    failures: Sequence[TripFailure],
) -> list[ValidityNote]:
    """What makes a trip's numbers doubtful: its samples, requests without an answer, a late load."""
    notes = list(judge_samples(samples_ns["total"], starts_ns))
    count = len(samples_ns["total"]) + len(failures)
    if failures:
        reasons = Counter(failure.reason for failure in failures)
        shown = ", ".join(f"{number} {reason}" for reason, number in reasons.most_common())
        notes.append(
            ValidityNote(
                "failed-requests",
                Level.WARNING,
                f"{len(failures)} of {count} requests got no answer: {shown}",
            )
        )
    if "late" in samples_ns:
        late_ms, total_ms = (
            percentile(sorted(samples_ns[name]), 0.99) / 1e6 for name in ("late", "total")
        )
        if late_ms > LATE_SHARE * total_ms:
            notes.append(
                ValidityNote(
                    "late-requests",
                    Level.WARNING,
                    f"1 in 100 requests left {late_ms:.2f} ms late or later: all connections were "
                    "busy, or this machine was",
                )
            )
    return notes


def make_trip(  # noqa: PLR0913  the fields of one record
    request: TripRequest,
    protocol: str,
    payload: str,
    network: NetworkProfile | None,
    found: Mapping[str, Any],  # Any: JSON
    payload_bytes: Mapping[str, float],
    *,
    origin: str = "host",
) -> CloudTrip:
    """The record of what a client found.

    Raises:
        EndpointFailed: no request was answered.
    """
    samples: dict[str, Sequence[int]] = found["samples_ns"]
    failures = tuple(TripFailure(*entry) for entry in found["failures"])
    if not samples.get("total"):
        said = f": {failures[0].message}" if failures else ""
        raise EndpointFailed(f"no request to {request.endpoint} was answered{said}")
    artifact = request.artifact
    main = next(entry for entry in artifact.files if entry.path == artifact.model)
    return CloudTrip(
        id=f"trip-{secrets.token_hex(4)}",
        endpoint=request.endpoint,
        model_name=request.model_name or artifact.name,
        model={
            "name": artifact.name,
            "format": artifact.format.value,
            "recipe": artifact.recipe,
            "sha256": main.sha256,
            "source_sha256": artifact.source.sha256,
            "payload": payload,
            "folder": str(request.folder),
        },
        network=network,
        origin=origin,
        mode=Mode.EMULATED if network else Mode.MEASURED,
        up_bytes=tuple(found["up_bytes"]),
        down_bytes=tuple(found["down_bytes"]),
        once_ns=found["once_ns"],
        samples_ns={key: tuple(values) for key, values in samples.items()},
        starts_ns=tuple(found["starts_ns"]),
        summaries={key: summarize(values) for key, values in samples.items()},
        validity=tuple(judge_trip(samples, found["starts_ns"], failures)),
        measured_utc=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        protocol=protocol,
        failures=failures,
        concurrency=request.load.connections if request.load else request.concurrency,
        load=request.load,
        payload_bytes=payload_bytes,
    )
