"""Inference engines, one file each, found by listing this package (also inside the zip)."""

from __future__ import annotations

import importlib
import os
import pkgutil
from typing import Any, Dict, List, Sequence

from ..failure import Failure
from ..wire import ERROR_ENGINE_MISSING

NOT_ENGINES = ("contract",)


def names() -> List[str]:
    """Ids of all engines."""
    found = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(name for name in found if name not in NOT_ENGINES)


def find_engine(name: str) -> Any:  # Any: a module that fulfils contract.py
    """The engine's module; importing it imports no engine library.

    Raises:
        Failure: there is no engine of that name.
    """
    if name not in names():
        known = ", ".join(names())
        raise Failure(ERROR_ENGINE_MISSING, "no engine is called %r; known: %s" % (name, known))
    return importlib.import_module("." + name, __name__)


def installed(site: Sequence[str] = ()) -> Dict[str, str]:
    """Engines whose library this interpreter could import, with its version."""
    found = {}
    for name in names():
        module = find_engine(name)
        if not module.DISTRIBUTIONS:
            found[name] = module.VERSION
            continue
        version = distribution_version(module.DISTRIBUTIONS[0], site)
        if version:
            found[name] = version
    return found


def distribution_version(distribution: str, site: Sequence[str] = ()) -> str:
    """Version of an installed distribution, or empty. Looks into ``site`` folders first."""
    wanted = distribution.replace("-", "_").lower()
    for folder in site:
        try:
            entries = os.listdir(folder)
        except OSError:
            continue
        for entry in entries:
            name, dash, rest = entry.partition("-")
            if entry.endswith(".dist-info") and dash and name.lower() == wanted:
                return rest[: -len(".dist-info")]
    from importlib import metadata  # takes 10 ms, a fifth of the runner's start

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""
