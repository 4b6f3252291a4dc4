"""Entry point inside a tool environment: ``python -m edgekit.toolenvs.entry MODULE IN OUT``."""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from edgekit.core.errors import EdgekitError


def main(module: str, request_file: str, reply_file: str) -> int:
    """Calls ``module.main`` and writes its reply, or the error that it raised."""
    request = json.loads(Path(request_file).read_text(encoding="utf-8"))
    reply: dict[str, Any]  # Any: JSON
    try:
        reply = {"result": importlib.import_module(module).main(request)}
    except EdgekitError as err:
        reply = {"error": _error(type(err).__name__, err.message, err.hint, err.details)}
    except MemoryError:
        reply = {"error": _error("StepFailed", "the step ran out of memory", "", {})}
    except Exception as err:  # boundary: a converter may raise anything
        traceback.print_exc()
        reply = {"error": _error("StepFailed", _in_a_line(err), "", {})}
    temporary = Path(reply_file + ".part")
    temporary.write_text(json.dumps(reply), encoding="utf-8")
    os.replace(temporary, reply_file)
    return 0


def _in_a_line(err: Exception) -> str:
    """Kind and first line of the message that says something: OpenVINO begins with where it is."""
    lines = [line for line in str(err).splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith("Exception from ")] or lines
    return f"{type(err).__name__}: {telling[0] if telling else ''}".rstrip(": ")[:500]


# details and the result are JSON, so Any
def _error(kind: str, message: str, hint: str, details: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "message": message, "hint": hint, "details": details}


if __name__ == "__main__":
    sys.stdout.flush()
    code = main(*sys.argv[1:4])
    sys.stdout.flush()
    os._exit(code)  # libraries with stuck threads must not keep the worker alive
