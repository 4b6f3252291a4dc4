"""The service that serves an application on its board."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgekit.boards.session import Event, RunnerSession, printable
from edgekit.core.errors import BoardError

START_TIMEOUT_S = 300
BUCKET = 'edgekit_inference_seconds_bucket{le="'


@dataclass(frozen=True)
class ServiceRequest:
    """How an application is to be served."""

    port: int
    """Loopback port on the board."""
    threads: int


@dataclass(frozen=True)
class ServiceState:
    """What systemd and the service say."""

    app: str
    unit: str
    state: str
    """As systemd calls it: active, failed, inactive..."""
    detail: str = ""
    is_system: bool = False
    """False for a unit of the user's own systemd, which is not sandboxed."""
    restarts: int = 0
    port: int = 0
    serving: str = ""
    """Release that answers, or empty."""
    requests: int = 0
    failures: int = 0
    mean_ms: float | None = None
    """Of all inferences since it started; None before the first."""
    buckets: tuple[tuple[float, int], ...] = ()
    """Seconds and how many inferences took at most that, since it started."""
    temperature_c: float | None = None
    is_throttled: bool | None = None
    """None where the board does not tell."""
    last_error: str = ""
    """Of an inference that failed, since it started."""


def install_service(
    session: RunnerSession, app: str, wanted: ServiceRequest, holder: Mapping[str, object]
) -> ServiceState:
    """Writes the unit, starts it, waits until it serves the active release.

    Raises:
        BoardMismatch: the board has no systemd.
        BoardError: it does not answer.
    """
    request = dict(holder, action="install", app=app, port=wanted.port, threads=wanted.threads)
    return _state(session.call("service", request, timeout_s=START_TIMEOUT_S))


def restart_service(
    session: RunnerSession, app: str, holder: Mapping[str, object]
) -> ServiceState:
    """Starts the service anew, as its unit says, and waits until it serves the active release."""
    request = dict(holder, action="restart", app=app)
    return _state(session.call("service", request, timeout_s=START_TIMEOUT_S))


def remove_service(session: RunnerSession, app: str) -> ServiceState:
    """Stops the service and removes its unit."""
    return _state(session.call("service", {"action": "remove", "app": app}))


def service_state(session: RunnerSession, app: str) -> ServiceState:
    """How the service does."""
    return _state(session.call("service", {"action": "status", "app": app}))


def service_logs(session: RunnerSession, app: str, lines: int) -> tuple[str, ...]:
    """The last lines of its journal."""
    events = session.call("service", {"action": "logs", "app": app, "lines": lines})
    return tuple(printable(str(e["line"])) for e in events if e["event"] == "log")


def _state(events: list[Event]) -> ServiceState:
    for event in events:
        if event["event"] == "service":
            metrics = event.get("metrics", {})
            count = float(metrics.get("edgekit_inference_seconds_count", 0))
            total_s = float(metrics.get("edgekit_inference_seconds_sum", 0))
            outcomes = {
                name: int(metrics.get(f'edgekit_requests_total{{outcome="{name}"}}', 0))
                for name in ("ok", "refused", "failed", "busy")
            }
            return ServiceState(
                app=str(event["app"]),
                unit=str(event["unit"]),
                state=printable(str(event["state"])),
                detail=printable(str(event.get("detail", ""))),
                is_system=bool(event.get("is_system", False)),
                restarts=int(event.get("restarts", 0)),
                port=int(event.get("port", 0)),
                serving=printable(str(event.get("serving", ""))),
                requests=sum(outcomes.values()),
                failures=outcomes["failed"],
                mean_ms=total_s / count * 1e3 if count else None,
                buckets=_buckets(metrics),
                temperature_c=_number(metrics, "edgekit_temperature_celsius"),
                is_throttled=_claim(metrics, "edgekit_throttled"),
                last_error=printable(str(event.get("last_error", ""))),
            )
    raise BoardError("the board did not say how the service does")


def _buckets(metrics: Mapping[str, float]) -> tuple[tuple[float, int], ...]:
    found = [
        (float(name.removeprefix(BUCKET).removesuffix('"}')), int(value))
        for name, value in metrics.items()
        if name.startswith(BUCKET)
    ]
    return tuple(sorted(found))


def _number(metrics: Mapping[str, float], name: str) -> float | None:
    return float(metrics[name]) if name in metrics else None


def _claim(metrics: Mapping[str, float], name: str) -> bool | None:
    return bool(metrics[name]) if name in metrics else None
