"""Runs a module of edgekit inside a tool environment: JSON in, JSON out, chatter in a log.

A worker module has ``main(request: dict) -> dict`` and is called as
``call("onnx", "edgekit.convert.workers.quantize", {...})``. An EdgekitError that it raises is
raised again here; a crash, a time-out or running out of memory becomes StepFailed.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import edgekit
import edgekit_runner
from edgekit.core import errors
from edgekit.core.errors import EdgekitError, StepFailed
from edgekit.core.units import format_bytes
from edgekit.toolenvs.environment import Progress, cache_folder, ensure
from edgekit.toolenvs.fork_servers import active_servers
from edgekit.toolenvs.pins import ToolEnvironment

DEFAULT_TIMEOUT_S = 1800
KEPT_LOGS = 20
WATCH_INTERVAL_S = 0.25
TELEMETRY_OFF = {
    "ORT_DISABLE_TELEMETRY": "1",
    "NNCF_CI": "1",
    "CI": "true",
    "DO_NOT_TRACK": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
}
"""Set before any engine is imported; see docs/adr/0002-tool-environments.md."""
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore", "CUDA_VISIBLE_DEVICES": ""}


def default_memory_bytes() -> int:
    """Four fifths of this machine's memory: the rest keeps it alive."""
    return int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 0.8)


class Waitable(Protocol):
    """A process, or a call in a fork server."""

    pid: int

    def wait(self, timeout: float | None = None) -> int:
        """The exit code; ``subprocess.TimeoutExpired`` when it takes longer."""
        ...


@dataclass(frozen=True)
class Limits:
    """What a worker may take before it is ended."""

    time_s: float = DEFAULT_TIMEOUT_S
    memory_bytes: int = field(default_factory=default_memory_bytes)
    """Resident memory; four fifths of the machine's unless said otherwise."""

    def watch(self, process: Waitable, name: str, log: Path) -> int:
        """Waits for the worker; gives its exit code.

        Raises:
            StepFailed: it took too much time or memory.
        """
        deadline = time.monotonic() + self.time_s
        while True:
            try:
                return process.wait(timeout=WATCH_INTERVAL_S)
            except subprocess.TimeoutExpired:
                if time.monotonic() > deadline:
                    raise StepFailed(
                        f"{name} did not end within {self.time_s:.0f} s", hint=f"see {log}"
                    ) from None
            used = _resident_bytes(process.pid)
            if used > self.memory_bytes:
                raise StepFailed(
                    f"{name} took {format_bytes(used)} of memory, allowed are "
                    f"{format_bytes(self.memory_bytes)}",
                    hint="fewer or smaller --calibration samples, or a machine with more memory",
                )


_limits: list[Limits] = []
_sharers: list[int] = []


def _usual_limits() -> Limits:
    """Those of :func:`limited`, else the default ones, divided where conversions run side by side."""
    if _limits:
        return _limits[-1]
    return Limits(memory_bytes=default_memory_bytes() // max([1, *_sharers]))


@contextlib.contextmanager
def limited(limits: Limits) -> Iterator[None]:
    """Calls that name no limits have these, as long as the context lasts."""
    _limits.append(limits)
    try:
        yield
    finally:
        _limits.remove(limits)


@contextlib.contextmanager
def machine_shared_by(count: int) -> Iterator[None]:
    """Calls that name no limits take no more than their share of the memory."""
    _sharers.append(count)
    try:
        yield
    finally:
        _sharers.remove(count)


def source_path(module: str = "edgekit") -> Path:
    """A folder that holds nothing but links to edgekit, edgekit_runner and a plug-in's package.

    A tool environment sees this code through it without seeing the host's other packages.

    Args:
        module: dotted name of the module that is to run there.
    """
    packages = [edgekit, edgekit_runner]
    root = module.partition(".")[0]
    if root not in ("edgekit", "edgekit_runner"):
        packages.append(importlib.import_module(root))
    targets = [Path(package.__file__ or "").resolve().parent for package in packages]
    tag = hashlib.sha256("\n".join(map(str, targets)).encode()).hexdigest()[:12]
    folder = cache_folder() / "sources" / tag
    folder.mkdir(parents=True, exist_ok=True)
    for target in targets:
        try:
            (folder / target.name).symlink_to(target)
        except FileExistsError:
            continue
    return folder


def worker_variables(sources: Path) -> dict[str, str]:
    """Environment variables for a process in a tool environment."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "VIRTUAL_ENV"))
    }
    return inherited | TELEMETRY_OFF | QUIET | {"PYTHONPATH": str(sources), "PYTHONUTF8": "1"}


def call(
    environment: str | ToolEnvironment,
    module: str,
    request: Mapping[str, object],
    *,
    limits: Limits | None = None,
    log: Path | None = None,
    progress: Progress = lambda message: None,
) -> dict[str, Any]:  # Any: the reply is JSON that the caller types
    """Runs ``module.main(request)`` in the environment and gives its reply.

    Args:
        environment: a tool environment or its name; made first when it is not there yet.
        module: dotted name of the worker module.
        request: JSON-serializable.
        limits: of time and memory; the usual ones when not given.
        log: file that receives everything the worker and its libraries print.

    Raises:
        EdgekitError: what the worker raised.
        StepFailed: it crashed, hung or printed no reply.
        ToolEnvironmentError: the environment could not be made.
    """
    python = ensure(environment, progress=progress)
    workspace = Path(tempfile.mkdtemp(prefix="edgekit-"))
    sources = source_path(module)
    kept = log is not None
    log = log or _new_log(module)
    try:
        request_file, reply_file = workspace / "request.json", workspace / "reply.json"
        request_file.write_text(json.dumps(request), encoding="utf-8")
        command = [str(python), "-m", "edgekit.toolenvs.entry", module]
        code = _run(
            environment if isinstance(environment, str) else environment.name,
            [*command, str(request_file), str(reply_file)],
            sources,
            log,
            limits or _usual_limits(),
            workspace,
        )
        reply = _read_reply(reply_file, code, module, log)
        if not kept:
            log.unlink(missing_ok=True)
        return reply
    finally:
        shutil.rmtree(workspace, ignore_errors=True)


def _new_log(module: str) -> Path:
    """Where a worker's chatter goes; it stays when the worker fails, the newest few of all."""
    folder = cache_folder() / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    old = sorted(folder.glob("*.txt"), key=lambda path: path.name)
    for path in old[:-KEPT_LOGS]:
        path.unlink(missing_ok=True)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    return folder / f"{stamp}-{module.rpartition('.')[2]}-{os.getpid()}-{time.monotonic_ns()}.txt"


def _resident_bytes(pid: int) -> int:
    """Memory that a process holds now; 0 when it is gone."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _run(
    environment: str,
    command: list[str],
    sources: Path,
    log: Path,
    limits: Limits,
    workspace: Path,
) -> int:
    servers = active_servers(environment)
    if servers is not None:
        forked = servers.begin(
            environment,
            Path(command[0]),
            worker_variables(sources),
            {
                "module": command[3],
                "request": command[4],
                "reply": command[5],
                "log": str(log),
                "folder": str(workspace),
            },
        )
        try:
            return limits.watch(forked, command[3], log)
        finally:
            _end(forked)
            servers.give_back(environment, forked.server)
    with open(log, "ab") as stream:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=worker_variables(sources) | {"TMPDIR": str(workspace)},
            cwd=workspace,
            start_new_session=True,
        )
        try:
            return limits.watch(process, command[3], log)
        finally:
            _end(process)


def _end(process: Waitable) -> None:
    """Ends the worker and everything it started (its own session), also after Ctrl-C."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


# Any: the reply is JSON that the caller types
def _read_reply(reply_file: Path, code: int, module: str, log: Path) -> dict[str, Any]:
    if not reply_file.exists():
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        raise StepFailed(
            f"{module} ended with {how}: {_tail(log)}",
            hint=f"the whole log: {log}",
        )
    reply = json.loads(reply_file.read_text(encoding="utf-8"))
    if "error" in reply:
        failure = reply["error"]
        kind = getattr(errors, str(failure["type"]), StepFailed)
        if not (isinstance(kind, type) and issubclass(kind, EdgekitError)):
            kind = StepFailed
        hint = failure["hint"] or (f"the whole log: {log}" if kind is StepFailed else "")
        raise kind(failure["message"], hint=hint, details=failure["details"])
    result = reply["result"]
    if not isinstance(result, dict):
        raise StepFailed(f"{module} replied with {type(result).__name__}, not an object")
    return result


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "it printed nothing"
