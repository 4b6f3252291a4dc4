"""Makes systemd serve an application, and says how that goes."""

from __future__ import annotations

import getpass
import glob
import http.client
import json
import os
import subprocess
import sys
import time
from typing import Any, Callable, Dict, List, NamedTuple, Sequence

from . import wire
from .failure import Failure
from .layout import Home, safe_name
from .unit import Unit, unit_name, unit_text

Emit = Callable[..., None]
SYSTEMD = "/run/systemd/system"
"""There only while systemd is the init system. Source: sd_booted(3)."""
COMMAND_TIMEOUT_S = 60
READY_TIMEOUT_S = 120
ACCELERATORS = ("/dev/nvhost-*", "/dev/nvmap", "/dev/apex_*", "/dev/dri/renderD*", "/dev/rknpu")
"""Device nodes of GPUs and NPUs. Source: Jetson, Coral and Rockchip kernels' documentation."""
SHOWN = ("ActiveState", "SubState", "Result", "NRestarts", "MemoryCurrent", "MainPID")


class Manager(NamedTuple):
    """The systemd that is used: the system's, or the user's own."""

    is_system: bool
    privilege: List[str]
    """What goes before commands that need root."""

    @property
    def folder(self) -> str:
        """Where units lie."""
        own = os.path.join(os.path.expanduser("~"), ".config/systemd/user")
        return "/etc/systemd/system" if self.is_system else own

    def systemctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs systemctl."""
        scope = [] if self.is_system else ["--user"]
        return _run([*self.privilege, "systemctl", *scope, "--no-pager", *arguments])

    def journal(self, unit: str, lines: int) -> subprocess.CompletedProcess[str]:
        """Reads the journal."""
        which = ["--unit"] if self.is_system else ["--user-unit"]
        more = ["--no-pager", "-o", "short-iso", "-n", str(lines)]
        return _run([*self.privilege, "journalctl", *which, unit, *more])


def service(request: Dict[str, Any], emit: Emit) -> None:  # Any: JSON
    """Installs, removes or describes the service of an application."""
    app = safe_name(request["app"])
    actions = {
        "install": install,
        "restart": restart,
        "remove": remove,
        "status": status,
        "logs": logs,
    }
    action = actions.get(request["action"])
    if action is None:
        raise Failure(wire.ERROR_BAD_REQUEST, "no action %r" % (request["action"],))
    action(manager(), app, request, emit)


def manager() -> Manager:
    """The systemd to use.

    Raises:
        Failure: this board has none.
    """
    if not os.path.isdir(SYSTEMD):
        text = "this board does not run systemd, so nothing here can keep a service alive"
        hint = "start it by your own init: python3 ~/.edgekit/apps/APP/runner.pyz serve"
        raise Failure(wire.ERROR_NO_SYSTEMD, text, hint)
    if os.geteuid() == 0:
        return Manager(True, [])
    try:
        may_sudo = _run(["sudo", "-n", "true"]).returncode == 0
    except OSError:
        may_sudo = False
    return Manager(True, ["sudo", "-n"]) if may_sudo else Manager(False, [])


def install(found: Manager, app: str, request: Dict[str, Any], emit: Emit) -> None:  # Any: JSON
    """Writes the unit, starts it anew, waits until it serves the active release."""
    home = Home()
    port = int(request.get("port", wire.SERVE_PORT))
    unit = Unit(
        app=app,
        user=getpass.getuser(),
        home=os.path.dirname(home.root),
        python=os.path.realpath(sys.executable),
        port=port,
        threads=int(request.get("threads", 1)),
        is_system=found.is_system,
        devices=tuple(sorted(name for pattern in ACCELERATORS for name in glob.glob(pattern))),
    )
    try:
        text = unit_text(unit)
    except ValueError as error:
        raise Failure(wire.ERROR_BAD_REQUEST, str(error)) from error
    path = os.path.join(found.folder, unit_name(app))
    if not found.is_system:
        os.makedirs(found.folder, exist_ok=True)
        _run(["loginctl", "enable-linger"])  # else it ends with the session
    _require(_run([*found.privilege, "tee", path], stdin=text), "the unit cannot be written")
    _require(found.systemctl("daemon-reload"), "systemd does not take the unit")
    _require(found.systemctl("enable", unit_name(app)), "the unit cannot be enabled")
    _require(found.systemctl("restart", unit_name(app)), "the service does not start")
    _wait_until_ready(found, app, port, home.current(app))
    status(found, app, dict(request, port=port), emit)


def restart(found: Manager, app: str, request: Dict[str, Any], emit: Emit) -> None:  # Any: JSON
    """Starts the service anew; it then serves the active release."""
    port = port_of(os.path.join(found.folder, unit_name(app)))
    if not port:
        raise Failure(wire.ERROR_UNHEALTHY, "%s has no service" % app, "edgekit deploy --service")
    _require(found.systemctl("restart", unit_name(app)), "the service does not start")
    _wait_until_ready(found, app, port, Home().current(app))
    status(found, app, request, emit)


def has_service(app: str) -> bool:
    """True when a unit of ours serves the application."""
    own = os.path.join(os.path.expanduser("~"), ".config/systemd/user")
    return any(port_of(os.path.join(f, unit_name(app))) for f in ("/etc/systemd/system", own))


def remove(found: Manager, app: str, request: Dict[str, Any], emit: Emit) -> None:  # Any: JSON
    """Stops the service and removes its unit."""
    found.systemctl("disable", "--now", unit_name(app))
    path = os.path.join(found.folder, unit_name(app))
    _require(_run([*found.privilege, "rm", "-f", path]), "the unit cannot be removed")
    found.systemctl("daemon-reload")
    emit("service", app=app, unit=unit_name(app), state="removed")


def status(found: Manager, app: str, request: Dict[str, Any], emit: Emit) -> None:  # Any: JSON
    """What systemd and the service itself say."""
    name = unit_name(app)
    asked = ["--property=" + ",".join(SHOWN), name]
    shown = found.systemctl("show", *asked).stdout.splitlines()
    values = dict(line.split("=", 1) for line in shown if "=" in line)
    port = port_of(os.path.join(found.folder, name)) or int(request.get("port", wire.SERVE_PORT))
    emit(
        "service",
        app=app,
        unit=name,
        is_system=found.is_system,
        state=values.get("ActiveState", "unknown"),
        detail="%s, %s" % (values.get("SubState", "?"), values.get("Result", "?")),
        restarts=int(values.get("NRestarts", "0") or 0),
        port=port,
        serving=ready_release(port),
        last_error=str(readiness(port).get("last_error", "")),
        metrics=metrics(port),
    )


def logs(found: Manager, app: str, request: Dict[str, Any], emit: Emit) -> None:  # Any: JSON
    """The last lines of the journal."""
    count = min(max(int(request.get("lines", 50)), 1), 5000)
    done = found.journal(unit_name(app), count)
    _require(done, "the journal cannot be read")
    for line in done.stdout.splitlines():
        emit("log", line=line[:2000])


def ready_release(port: int) -> str:
    """The release that answers on a port, or empty."""
    return str(readiness(port).get("release", ""))


def readiness(port: int) -> Dict[str, Any]:  # Any: JSON
    """What the service says of itself, or nothing."""
    try:
        found = json.loads(_get(port, "/v2/health/ready"))
    except (OSError, ValueError, http.client.HTTPException):
        return {}
    return found if isinstance(found, dict) else {}


def metrics(port: int) -> Dict[str, float]:
    """Numbers of the service without labels' quotes, or none."""
    found = {}
    try:
        for line in _get(port, "/metrics").splitlines():
            name, _, value = line.rpartition(" ")
            if name and not line.startswith("#"):
                found[name] = float(value)
    except (OSError, ValueError, http.client.HTTPException):
        return {}
    return found


def port_of(path: str) -> int:
    """The port that a unit file names; 0 when there is none."""
    try:
        with open(path, encoding="utf-8") as stream:
            lines = stream.read().splitlines()
        text = next(line for line in lines if line.startswith("StandardInputText="))
        return int(json.loads(text.split("=", 1)[1])["port"])
    except (OSError, StopIteration, ValueError, KeyError):
        return 0


def _wait_until_ready(found: Manager, app: str, port: int, release: str) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while ready_release(port) != release:
        state = found.systemctl("is-active", unit_name(app)).stdout.strip()
        if state in ("failed", "inactive") or time.monotonic() > deadline:
            lines = found.journal(unit_name(app), 5).stdout.strip().splitlines()
            last = lines[-1][:500] if lines else "it said nothing"
            text = "the service of %s does not answer (%s): %s" % (app, state, last)
            raise Failure(wire.ERROR_UNHEALTHY, text, "edgekit logs BOARD")
        time.sleep(0.2)


def _get(port: int, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().read(1000000).decode("utf-8", "replace")
    finally:
        connection.close()


def _run(argv: Sequence[str], stdin: str = "") -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            argv,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Failure(wire.ERROR_IO, "%s does not end" % argv[0]) from error


def _require(done: subprocess.CompletedProcess[str], what: str) -> None:
    if done.returncode != 0:
        words = done.stderr.strip().splitlines() or ["no reason given"]
        raise Failure(wire.ERROR_UNHEALTHY, "%s: %s" % (what, words[-1][:300]))
