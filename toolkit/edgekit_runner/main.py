"""Reads one JSON request from stdin, runs one command, writes JSON lines to stdout."""

from __future__ import annotations

import errno
import importlib
import json
import os
import signal
import sys
import threading
import traceback
from typing import Any, Callable, Dict, List, TextIO, Tuple

from . import wire
from .failure import Failure

Emit = Callable[..., None]
Command = Callable[[Dict[str, Any], Emit], None]  # Any: JSON

COMMANDS = {
    "apply": "apply",
    "ask": "ask",
    "begin": "install",
    "calibrate": "calibrate",
    "check": "golden",
    "commit": "install",
    "end": "lease",
    "enrol": "trust",
    "gc": "releases",
    "have": "store",
    "install": "install",
    "ping": "probe",
    "probe": "probe",
    "profile": "profile_ops",
    "releases": "releases",
    "renew": "lease",
    "rollback": "releases",
    "run": "measure",
    "serve": "serve",
    "service": "service",
    "survey": "survey",
    "switch": "install",
    "trim": "store",
}
"""Command to the module that has a function of that name."""

LONG_COMMANDS = ("calibrate", "profile", "run")
"""They say that they began before they import what they need."""


def claim_stdout() -> TextIO:
    """A private stream on the real stdout; descriptor 1 then leads to stderr.

    Engines print from C++; nothing but our JSON lines may reach the host.
    """
    private = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return private


def emitter(stream: TextIO) -> Emit:
    """A function that writes one event as one line; threads may share it."""
    lock = threading.Lock()

    def emit(event: str, **fields: Any) -> None:  # Any: JSON
        line = json.dumps(dict(fields, event=event), separators=(",", ":"))
        with lock:
            stream.write(line + "\n")
            stream.flush()

    return emit


def main(arguments: List[str]) -> int:
    """Runs the command; 0 after ``done``, 1 after ``error``, 130 when interrupted."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    emit = emitter(claim_stdout())
    try:
        run(arguments, emit)
        emit("done", wire=wire.WIRE_VERSION)
        return 0
    except Failure as failure:
        emit("error", code=failure.code, message=failure.message, hint=failure.hint)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 1
    except OSError as error:
        code, text, hint = describe(error)
        emit("error", code=code, message=text, hint=hint)
    except Exception as error:  # noqa: BLE001  boundary: engines may raise anything
        traceback.print_exc()
        text = "%s: %s" % (type(error).__name__, error)
        emit("error", code=wire.ERROR_INTERNAL, message=text[:2000], hint="")
    return 1


def describe(error: OSError) -> Tuple[str, str, str]:
    """Code, sentence and hint for what the operating system says."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "free some space there (edgekit gc BOARD), then run the same command again"
        return wire.ERROR_NO_SPACE, "no space left on the board", hint
    if error.errno == errno.EIO:
        text = "the board's storage reports an input/output error: %s" % error
        return wire.ERROR_STORAGE, text, "check or replace its card or disk: dmesg | tail"
    return wire.ERROR_IO, str(error), ""


def run(arguments: List[str], emit: Emit) -> None:
    """Reads the request and calls the command's function."""
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        known = ", ".join(sorted(COMMANDS))
        raise Failure(wire.ERROR_BAD_REQUEST, "expected one command of: " + known)
    try:
        request = json.loads(sys.stdin.read() or "{}")
    except ValueError as error:
        raise Failure(wire.ERROR_BAD_REQUEST, "the request is not JSON: %s" % error) from error
    if not isinstance(request, dict):
        raise Failure(wire.ERROR_BAD_REQUEST, "the request is not a JSON object")
    if arguments[0] in LONG_COMMANDS:
        emit("started")
    module = importlib.import_module("." + COMMANDS[arguments[0]], __package__)
    command = getattr(module, arguments[0])  # type: Command
    try:
        command(request, emit)
    except KeyError as error:
        raise Failure(wire.ERROR_BAD_REQUEST, "the request lacks %s" % error) from error
