"""An engine without a library: gives back its inputs. For tests of everything around engines."""

from __future__ import annotations

import json
from typing import Any, Dict, List

from .contract import Session, Tensor

NAME = "echo"
TITLE = "Echo"
FORMATS = ("echo",)
DISTRIBUTIONS = ()
VERSION = "1"
NOTE = "Returns its inputs; measures the overhead of the runner itself."


class EchoSession(Session):
    """Inputs and outputs are declared in the model file, a JSON list of tensors."""

    version = VERSION

    def __init__(self, model_path: str, threads: int) -> None:
        with open(model_path, encoding="utf-8") as stream:
            tensors = json.load(stream)
        self.inputs = tuple(Tensor(t["name"], tuple(t["shape"]), t["dtype"]) for t in tensors)
        self.outputs = self.inputs
        self.threads = threads
        self.latest = []  # type: List[Any]

    def details(self) -> Dict[str, str]:
        """The threads that were asked for."""
        return {"threads": str(self.threads)}

    def run(self, inputs: List[Any]) -> List[Any]:  # Any: arrays or bytes
        """The inputs."""
        self.latest = inputs
        return list(inputs)

    def run_bound(self) -> None:
        """Nothing to do."""


def load(model_path: str, threads: int) -> Session:
    """Reads the declaration."""
    return EchoSession(model_path, threads)
