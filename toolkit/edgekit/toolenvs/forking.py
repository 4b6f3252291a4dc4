"""Inside a tool environment: ``python -m edgekit.toolenvs.forking MODULE...`` forks a process per call.

The libraries are imported once; a call costs a fork instead of an interpreter with its imports, and is
as separate as before: a crash ends the fork alone. A call is a JSON line on stdin, ``{"module",
"request", "reply", "log", "folder"}`` (paths); two JSON lines answer, ``{"pid": N}`` when it started and
``{"code": N}`` when it ended, negative for a signal. The server ends when stdin closes.
"""

from __future__ import annotations

import importlib
import json
import os
import sys

from edgekit.toolenvs.entry import main as run_module


def main(modules: list[str]) -> None:
    """Imports what calls will need, then serves them one after the other."""
    for name in modules:
        importlib.import_module(name)
    say({"ready": True})
    for line in sys.stdin:
        call = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _child(call)
        say({"pid": pid})
        _, status = os.waitpid(pid, 0)
        say({"code": os.waitstatus_to_exitcode(status)})


def say(message: dict[str, object]) -> None:
    """One line to the caller."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _child(call: dict[str, str]) -> None:
    """Runs the call as the usual entry does, and never returns."""
    code = 1
    try:
        os.setsid()
        os.chdir(call["folder"])
        os.environ["TMPDIR"] = call["folder"]
        log = os.open(call["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        code = run_module(call["module"], call["request"], call["reply"])
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1:])
