"""Versions of the tools that a step used."""

from __future__ import annotations

from importlib import metadata


def versions(*distributions: str) -> dict[str, str]:
    """Distribution name to installed version."""
    return {name: metadata.version(name) for name in distributions}
