"""An engine without a library: gives back its inputs. For tests of everything around engines."""

from __future__ import annotations

import json
import time
from typing import Any, Callable, Dict, List

from .contract import BOUND, COPIED, NATIVE, Options, Session, Tensor, choose

NAME = "echo"
TITLE = "Echo"
FORMATS = ("echo",)
DISTRIBUTIONS = ()
PREINSTALLED = False
OPTIONS = {"delay_us": ()}
VARIANTS = (COPIED, BOUND, NATIVE)
VERSION = "1"
NOTE = "Returns its inputs; measures the overhead of the runner itself."


def nothing() -> None:
    """An inference that takes no time."""


class EchoSession(Session):
    """Inputs and outputs are declared in the model file, a JSON list of tensors."""

    version = VERSION

    def __init__(self, model_path: str, threads: int, delay_us: int) -> None:
        with open(model_path, encoding="utf-8") as stream:
            tensors = json.load(stream)
        self.inputs = tuple(Tensor(t["name"], tuple(t["shape"]), t["dtype"]) for t in tensors)
        self.outputs = self.inputs
        self.threads = threads
        self.delay_s = delay_us / 1e6
        self.latest: List[Any] = []

    def details(self) -> Dict[str, str]:
        """The threads that were asked for."""
        return {"threads": str(self.threads)}

    def placement(self) -> Dict[str, int]:
        """No operation runs anywhere."""
        return {"echo": 0}

    def run(self, inputs: List[Any]) -> List[Any]:  # Any: arrays or bytes
        """The inputs, after the delay that was asked for."""
        if self.delay_s:
            time.sleep(self.delay_s)
        return list(inputs)

    def bind(self, inputs: List[Any]) -> None:  # Any: arrays or bytes
        """Keeps the inputs."""
        self.latest = inputs

    def run_bound(self, inputs: List[Any]) -> List[Any]:  # Any: arrays or bytes
        """The same inputs, not copied."""
        return inputs

    def native(self) -> Callable[[], Any]:  # Any: None
        """A call that does nothing."""
        return nothing


def library() -> None:
    """There is none."""


def load(model_path: str, threads: int, options: Options = None) -> Session:
    """Reads the declaration."""
    chosen = choose(options, OPTIONS, TITLE)
    return EchoSession(model_path, threads, int(chosen["delay_us"] or 0))
