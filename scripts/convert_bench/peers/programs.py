"""Calls a peer's program; its last words are the reason when it fails."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def call_program(
    name: str,
    arguments: Sequence[str],
    *,
    cwd: str | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    """Runs a program that lies beside this interpreter.

    Raises:
        RuntimeError: it ended with another exit code than 0.
    """
    command = [str(Path(sys.executable).with_name(name)), *arguments]
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        cwd=cwd,
        env=os.environ | dict(env or {}),
    )
    print(done.stdout)
    if done.returncode != 0:
        raise RuntimeError(f"{name}: {reason_of(done.stdout)}")


def reason_of(printed: str) -> str:
    """The last line that names an error, else the last line."""
    lines = [COLOUR.sub("", line).strip() for line in printed.splitlines()]
    lines = [line for line in lines if line]
    named = [line for line in lines if re.search(r"(Error|Exception|ERROR)\b", line)]
    return (named or lines or ["no output"])[-1]
