"""Finds plug-ins: files of a package of ours, and entry points of other people's packages.

A plug-in is a module. Ours are found by listing a package; others declare an entry point in the group
``edgekit.<last part of that package>``, such as ``edgekit.rules``, whose value is a module.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from importlib.metadata import entry_points
from types import ModuleType


@cache
def plugin_paths(package: str) -> dict[str, str]:
    """Name to dotted path of every plug-in of a package, by name; ours win over others'.

    Modules whose name starts with an underscore are no plug-ins.
    """
    found = {
        entry.name: entry.value.partition(":")[0]
        for entry in entry_points(group=group_of(package))
    }
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        if not module.name.startswith("_"):
            found[module.name] = f"{package}.{module.name}"
    return dict(sorted(found.items()))


def plugins(package: str, *, having: str) -> dict[str, ModuleType]:
    """Every plug-in of a package that has an attribute, imported."""
    modules = {name: importlib.import_module(path) for name, path in plugin_paths(package).items()}
    return {name: module for name, module in modules.items() if hasattr(module, having)}


def group_of(package: str) -> str:
    """The entry point group of a package's plug-ins.

    Example:
        >>> group_of("edgekit.explain.rules")
        'edgekit.rules'
    """
    return f"edgekit.{package.rpartition('.')[2]}"
