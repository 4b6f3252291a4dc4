"""Finds plug-ins: files of a package of ours, and entry points of other people's packages.

A plug-in is a module. Ours are found by listing a package; others declare an entry point in the group
``edgekit.<last part of that package>``, such as ``edgekit.rules``, whose value is a module.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
from functools import cache
from types import ModuleType


@cache
def plugin_paths(package: str) -> dict[str, str]:
    """Name to dotted path of every plug-in of a package, by name; ours win over others'.

    Modules whose name starts with an underscore are no plug-ins.
    """
    found = _others(group_of(package))
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        if not module.name.startswith("_"):
            found[module.name] = f"{package}.{module.name}"
    return dict(sorted(found.items()))


def _others(group: str) -> dict[str, str]:
    """Plug-ins of other packages. Only where one seems to be are packages' metadata read in full."""
    if not any(_declares(folder or ".", f"[{group}]") for folder in sys.path):
        return {}
    from importlib.metadata import entry_points  # takes 15 ms, a fifth of what --help may

    return {entry.name: entry.value.partition(":")[0] for entry in entry_points(group=group)}


def _declares(folder: str, heading: str) -> bool:
    """Whether an installed package's list of entry points has that heading."""
    try:
        names = os.listdir(folder)
    except OSError:
        return os.path.isfile(folder)  # a zip may hold anything
    for name in names:
        if name.endswith((".dist-info", ".egg-info")):
            try:
                with open(f"{folder}/{name}/entry_points.txt", encoding="utf-8") as stream:
                    if heading in stream.read():
                        return True
            except (OSError, UnicodeDecodeError):
                continue
    return False


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
