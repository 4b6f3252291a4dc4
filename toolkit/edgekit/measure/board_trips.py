"""Requests that start on the board, over its own network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edgekit.boards.session import RunnerSession
from edgekit.cloud.endpoint import parse_endpoint
from edgekit.core.errors import ConfigError
from edgekit.core.network import CloudTrip
from edgekit.measure.trips import TripRequest, default_payload, make_trip
from edgekit.toolenvs import worker

STAGE = "edgekit.cloud.serving.stage"
STAGED_BYTES = 4_000_000
"""What the board is given to send, at most."""
SPARE_S = 60


def measure_from_board(
    session: RunnerSession,
    request: TripRequest,
    *,
    progress: Callable[[str], None] = lambda message: None,
) -> CloudTrip:
    """The request's trip, sent by the runner on the board.

    Raises:
        ConfigError: the endpoint is not asked over REST, or a network is to be emulated.
        EndpointFailed: the endpoint does not answer the board.
        BoardError: the board was lost.
    """
    address = parse_endpoint(request.endpoint)
    if address.protocol != "rest":
        raise ConfigError(
            "a board asks over REST: its runner has no gRPC library",
            hint=f"--cloud http://{address.host}:8080",
        )
    if request.networks:
        raise ConfigError(
            "requests from the board go over its own network", hint="leave --network out"
        )
    payload = request.payload or default_payload(request.artifact)
    staged = worker.call(
        "cloud",
        STAGE,
        {
            "folder": str(request.folder.absolute()),
            "payload": "tensor" if payload == "json" else payload,
            "limit_bytes": STAGED_BYTES,
        },
        progress=progress,
    )
    form = "json" if payload == "json" else "binary"
    endpoint = address.document(request.access) | {"form": form}
    if request.access.ca_file:
        raise ConfigError("--ca is on this machine, not on the board", hint="install it there")
    found: dict[str, Any] = {  # Any: JSON
        "once_ns": {},
        "samples_ns": {},
        "starts_ns": [],
        "up_bytes": [],
        "down_bytes": [],
        "failures": [],
    }
    progress(f"the board asks {request.endpoint}")
    events = session.call(
        "ask",
        {
            "endpoint": endpoint,
            "model_name": request.model_name or request.artifact.name,
            "requests": staged["requests"],
            "form": "tensor" if payload == "json" else payload,
            "runs": request.runs,
            "warmup_runs": request.warmup_runs,
            "max_duration_s": request.max_duration_s,
            "timeout_s": request.timeout_s,
        },
        timeout_s=request.max_duration_s + 8 * request.timeout_s + SPARE_S,
    )
    for event in events:
        _take(event, found)
    return make_trip(
        request, address.protocol, payload, None, found, staged["payload_bytes"], origin="board"
    )


def _take(event: dict[str, Any], found: dict[str, Any]) -> None:  # Any: JSON
    name = event["event"]
    if name == "once":
        found["once_ns"][event["phase"]] = event["ns"]
    elif name == "samples":
        found["samples_ns"].setdefault(event["phase"], []).extend(event["ns"])
    elif name == "starts":
        found["starts_ns"].extend(event["ns"])
    elif name in ("up_bytes", "down_bytes"):
        found[name].extend(event["ns"])
    elif name == "failure":
        found["failures"].append([event["at"], event["ns"], event["reason"], event["text"]])
