"""Other people's servers and load generators, each in an environment of its own."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from edgekit.core.errors import EndpointFailed
from edgekit.toolenvs.environment import ensure
from edgekit.toolenvs.pins import ToolEnvironment
from edgekit.toolenvs.worker import QUIET, TELEMETRY_OFF

PROGRAMS = Path(__file__).parent / "programs"
MLSERVER = ToolEnvironment(
    name="peer-mlserver",
    purpose="MLServer, to compare with",
    requirements=("mlserver==1.7.1", "numpy==2.4.6"),
    size_mb=350,
)
LOCUST = ToolEnvironment(
    name="peer-locust",
    purpose="Locust, to compare with",
    requirements=("locust==2.47.0",),
    size_mb=120,
)
START_S = 90


def free_port() -> int:
    """A port that nobody has now."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@contextlib.contextmanager
def running(
    argv: Sequence[str], ports: Sequence[int], folder: Path, **variables: str
) -> Iterator[None]:
    """A server while the block lasts, once it accepts connections.

    Raises:
        EndpointFailed: it does not come up.
    """
    env: Mapping[str, str] = {**os.environ, **TELEMETRY_OFF, **QUIET, **variables}
    with open(folder / "log.txt", "wb") as log:
        process = subprocess.Popen(list(argv), stdout=log, stderr=log, env=env, cwd=folder)
    try:
        for port in ports:
            _await(port, process, folder)
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return
        time.sleep(0.1)
    raise EndpointFailed(f"a peer did not start; see {folder / 'log.txt'}")


@contextlib.contextmanager
def mlserver(folder: Path) -> Iterator[tuple[str, str]]:
    """MLServer's endpoints over gRPC and REST."""
    grpc_port, http_port, metrics_port = free_port(), free_port(), free_port()
    settings = {
        "host": "127.0.0.1",
        "grpc_port": grpc_port,
        "http_port": http_port,
        "metrics_port": metrics_port,
        "parallel_workers": 0,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.json").write_text(json.dumps(settings))
    model = {"name": "echo", "implementation": "mlserver_echo.Echo"}
    (folder / "model-settings.json").write_text(json.dumps(model))
    program = ensure(MLSERVER).parent / "mlserver"
    with running(
        [str(program), "start", "."], (grpc_port, http_port), folder, PYTHONPATH=str(PROGRAMS)
    ):
        yield f"grpc://127.0.0.1:{grpc_port}", f"http://127.0.0.1:{http_port}"


@contextlib.contextmanager
def plain_fastapi(model: Path, folder: Path) -> Iterator[str]:
    """The endpoint that one writes in an afternoon."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    argv = [str(ensure("cloud")), str(PROGRAMS / "plain_fastapi.py"), str(model), str(port)]
    with running(argv, (port,), folder):
        yield f"http://127.0.0.1:{port}"


def locust_lateness_us(rate: float, seconds: float, folder: Path) -> list[float]:
    """How late Locust's tasks began, against the schedule of that rate that suits it best."""
    out = folder / "starts.txt"
    argv = [str(ensure(LOCUST).parent / "locust"), "-f", str(PROGRAMS / "locustfile.py")]
    argv += ["--headless", "-u", "1", "-r", "1", "-t", f"{seconds:g}s", "--only-summary"]
    subprocess.run(
        argv,
        env={**os.environ, "PACE_RATE": str(rate), "PACE_FILE": str(out)},
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=seconds + 60,
    )
    starts = [int(line) for line in out.read_text().split()]
    offsets = [start / 1e3 - i * 1e6 / rate for i, start in enumerate(starts)]
    return [offset - min(offsets) for offset in offsets]
