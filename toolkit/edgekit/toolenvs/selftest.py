"""A worker that checks the road to a tool environment; ``edgekit doctor`` and the tests use it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from edgekit.core.errors import HostileModel


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """Does what ``request["do"]`` says: echo, environment, refuse, divide, crash, hog or hang."""
    if "print" in request:
        print(request["print"], flush=True)
        print(request["print"], file=sys.stderr)
    action = request["do"]
    if action == "environment":
        folder = os.environ["PYTHONPATH"]
        return {
            "python": sys.version.split()[0],
            "variables": dict(os.environ),
            "sources": [str(entry) for entry in Path(folder).iterdir()],
        }
    if action == "refuse":
        raise HostileModel(request["message"], hint="do not")
    if action == "divide":
        return {"value": 1 // 0}
    if action == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if action == "hog":
        held = bytearray(request["size_bytes"])
        held[::4096] = b"x" * len(held[::4096])
        time.sleep(600)
    if action == "hang":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        Path(request["pid_file"]).write_text(str(child.pid))
        child.wait()
    return {"value": request["value"]}
