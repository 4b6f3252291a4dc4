"""Other people's tools, pinned, each in an environment of its own, to compare with."""

from __future__ import annotations

from pathlib import Path

from conftest import need_or_skip
from edgekit.core.errors import ToolEnvironmentError
from edgekit.toolenvs.environment import ensure
from edgekit.toolenvs.pins import ToolEnvironment

ANSIBLE = ToolEnvironment(
    name="peer-ansible",
    purpose="Ansible, to compare with",
    requirements=("ansible-core==2.19.14",),
    size_mb=60,
)
PYINFRA = ToolEnvironment(
    name="peer-pyinfra",
    purpose="pyinfra, to compare with",
    requirements=("pyinfra==3.10.0",),
    size_mb=120,
)
TRITONCLIENT = ToolEnvironment(
    name="peer-tritonclient",
    purpose="NVIDIA's client of the Open Inference Protocol",
    requirements=("tritonclient[grpc,http]==2.73.0", "numpy==2.4.6"),
    size_mb=160,
)
SCHEMATHESIS = ToolEnvironment(
    name="peer-schemathesis",
    purpose="Schemathesis, which tests servers by their OpenAPI document",
    requirements=("schemathesis==4.32.5",),
    size_mb=120,
)


def peer_program(environment: ToolEnvironment, name: str) -> str:
    """A program of an environment, which is made on first use."""
    try:
        python = Path(ensure(environment))
    except ToolEnvironmentError as err:
        need_or_skip(False, err.message)
        raise
    return str(python.parent / name)
