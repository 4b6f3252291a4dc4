"""Makes shipped engine wheels importable and loads models through them."""

from __future__ import annotations

import os
import sys
from typing import Any, List

from . import wire
from .failure import Failure


def use(folders: List[str]) -> None:
    """Puts unpacked wheel folders in front of the import path."""
    for folder in reversed(folders):
        if folder not in sys.path:
            sys.path.insert(0, folder)


def load(engine: Any, model_path: str, threads: int) -> Any:  # Any: an engine module, a Session
    """Loads a model.

    Raises:
        Failure: the library is missing or cannot be imported, or it refuses the model.
    """
    try:
        return engine.load(model_path, threads)
    except ImportError as error:
        raise Failure(
            wire.ERROR_ENGINE_MISSING,
            "%s cannot be imported on this board: %s" % (engine.TITLE, error),
            "deploy again so that its wheels are sent",
        ) from error
    except (OSError, RuntimeError, ValueError, TypeError) as error:
        if not os.path.exists(model_path):
            raise Failure(wire.ERROR_NO_RELEASE, "no model at %s" % model_path) from error
        text = ("%s: %s" % (type(error).__name__, error)).splitlines()[0][:500]
        raise Failure(
            wire.ERROR_ENGINE_FAILED, "%s refuses the model: %s" % (engine.TITLE, text)
        ) from error
