"""Makes shipped engine wheels importable and loads models through them."""

from __future__ import annotations

import os
import sys
from typing import Any, List

from . import wire
from .failure import Failure

OUT_OF_MEMORY = (
    "bad_alloc",
    "Failed to allocate memory",
    "out of memory",
    "Cannot allocate memory",
)
"""What engines say when memory ends."""


def use(folders: List[str]) -> None:
    """Puts unpacked wheel folders in front of the import path."""
    for folder in reversed(folders):
        if folder not in sys.path:
            sys.path.insert(0, folder)


# Any: an engine module, a Session
def load(engine: Any, model_path: str, threads: int, options: Any = None) -> Any:
    """Loads a model.

    Raises:
        Failure: the library is missing or cannot be imported, it refuses the model or an option,
            or the board has too little memory.
    """
    try:
        return engine.load(model_path, threads, options)
    except Failure:
        raise
    except ImportError as error:
        raise missing(engine, error) from error
    except Exception as error:
        if not os.path.exists(model_path):
            raise Failure(wire.ERROR_NO_RELEASE, "no model at %s" % model_path) from error
        raise refused(engine, "refuses the model", error) from error


def missing(engine: Any, error: ImportError) -> Failure:  # Any: an engine module
    """The failure for a library that cannot be imported."""
    hint = "deploy again so that its wheels are sent"
    if engine.PREINSTALLED:
        hint = "it comes with the board's system: install it there"
    text = "%s cannot be imported on this board: %s" % (engine.TITLE, error)
    return Failure(wire.ERROR_ENGINE_MISSING, text, hint)


def refused(engine: Any, what: str, error: BaseException) -> Failure:  # Any: an engine module
    """The failure for what a library raised, in its own words."""
    text = " ".join(("%s: %s" % (type(error).__name__, error)).split())[:500]
    if isinstance(error, MemoryError) or any(word in text for word in OUT_OF_MEMORY):
        message = "the board has too little memory for the model: %s says %s" % (
            engine.TITLE,
            text,
        )
        hint = (
            "free memory there, or convert a smaller model: edgekit convert --recipe int8-static"
        )
        return Failure(wire.ERROR_OUT_OF_MEMORY, message, hint)
    return Failure(wire.ERROR_ENGINE_FAILED, "%s %s: %s" % (engine.TITLE, what, text))
