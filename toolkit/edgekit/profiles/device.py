"""Finds, reads and checks device profiles."""

from __future__ import annotations

import dataclasses
import importlib.resources
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from edgekit.core.errors import ProfileError
from edgekit.core.profile import DeviceProfile
from edgekit.core.suggest import did_you_mean
from edgekit.profiles.validated import choose_file, files_by_stem, problems_of, read_table

DATA_PACKAGE = "edgekit_device_profiles"
ENGINES = ("litert", "tflite_runtime", "onnxruntime", "openvino", "tensorrt")
ARCHES = ("aarch64", "armv7l", "x86_64")
RECIPES = ("int8-static", "int8-dynamic", "int8-weights", "int16x8", "fp16", "float", "auto")
SOURCED = ("cores", "memory", "power", "engines")
"""Fields that a source must back."""


def folders() -> tuple[Path, ...]:
    """Where profiles are looked for: the project, the user, the package; the first one wins."""
    import platformdirs

    shipped = Path(str(importlib.resources.files(DATA_PACKAGE)))
    user = Path(platformdirs.user_config_dir("edgekit")) / "device_profiles"
    return (Path("device_profiles"), user, shipped)


def profile_paths() -> dict[str, Path]:
    """Profile id to file."""
    return files_by_stem(folders())


def load_profile(name: str) -> DeviceProfile:
    """A profile by its id or by the path of its file.

    Raises:
        ProfileError: unknown, or the file does not validate.
    """
    path = choose_file(
        name,
        profile_paths(),
        what="device profile",
        listing="edgekit profiles list",
        error=ProfileError,
    )
    profile, problems = _read(path)
    if profile is None:
        raise ProfileError(
            "\n".join(problems),
            hint=f"edgekit profiles check {path}",
            details={"problems": problems},
        )
    return profile


def list_profiles() -> tuple[DeviceProfile, ...]:
    """Every profile that validates or not raises, by id.

    Raises:
        ProfileError: one of them does not validate.
    """
    return tuple(load_profile(name) for name in profile_paths())


def check_profile(path: Path) -> tuple[str, ...]:
    """Every problem of a profile file; empty when it is in order."""
    try:
        return tuple(_read(path)[1])
    except ProfileError as err:
        return (err.message,)


@cache
def profile_schema() -> dict[str, Any]:  # Any: JSON
    """JSON Schema of a profile file."""
    from pydantic import TypeAdapter

    schema = TypeAdapter(DeviceProfile).json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema


def _read(path: Path) -> tuple[DeviceProfile | None, list[str]]:
    table = read_table(path, error=ProfileError)
    where = str(path)
    if isinstance(table.get("alias_of"), str):
        table, missing = _inherit(table, path)
        if missing:
            return None, [missing]
    profile, problems = problems_of(DeviceProfile, table, where)
    if profile is not None:
        problems = [f"{where}: {problem}" for problem in _contradictions(profile, path)]
    return (None if problems else profile), problems


# Any: TOML
def _inherit(table: dict[str, Any], path: Path) -> tuple[dict[str, Any], str]:
    """An alias takes everything that it does not say itself from its target."""
    target = path.parent / f"{table['alias_of']}.toml"
    if not target.is_file():
        target = profile_paths().get(table["alias_of"], target)
    if not target.is_file():
        return table, f"{path}: alias_of: no profile is called {table['alias_of']!r}"
    base = read_table(target, error=ProfileError)
    if "alias_of" in base:
        return table, f"{path}: alias_of: {target.stem} is an alias itself"
    return base | table, ""


def _contradictions(profile: DeviceProfile, path: Path) -> Iterator[str]:
    """What the types allow and the field does not."""
    if profile.id != path.stem:
        yield f"id: expected {path.stem!r} (the file's stem), got {profile.id!r}"
    for name, empty in (("cores", not profile.cores), ("userlands", not profile.userlands)):
        if empty:
            yield f"{name}: at least one is needed"
    yield from _wrong_userlands(profile)
    yield from _unknown_names(profile)
    for cluster in profile.cores:
        if cluster.count < 1 or cluster.clock_mhz < 1:
            yield f"cores: {cluster.kind}: count and clock_mhz must be positive"
    yield from _unsourced(profile)


def _wrong_userlands(profile: DeviceProfile) -> Iterator[str]:
    arches = [("arch", profile.arch)]
    arches += [(f"userlands[{i}].arch", u.arch) for i, u in enumerate(profile.userlands)]
    for key, arch in arches:
        if arch not in ARCHES:
            yield f"{key}: expected one of {', '.join(ARCHES)}, got {arch!r}"
    for i, userland in enumerate(profile.userlands):
        if not re.fullmatch(r"(glibc|musl)-\d+\.\d+", userland.libc):
            yield f"userlands[{i}].libc: expected glibc-<n.m> or musl-<n.m>, got {userland.libc!r}"


def _unknown_names(profile: DeviceProfile) -> Iterator[str]:
    for i, engine in enumerate(profile.engines):
        if engine.name not in ENGINES:
            yield f"engines[{i}].name: {engine.name!r}: {did_you_mean(engine.name, ENGINES)}"
    for i, recipe in enumerate(profile.recipes):
        if recipe not in RECIPES:
            yield f"recipes[{i}]: {recipe!r}: {did_you_mean(recipe, RECIPES)}"


def _unsourced(profile: DeviceProfile) -> Iterator[str]:
    backed = {field.partition(".")[0] for source in profile.sources for field in source.fields}
    needed = [*SOURCED, *(["thermal"] if profile.thermal else [])]
    for name in needed:
        if name not in backed:
            yield f"sources: no source backs {name}"
    known = {field.name for field in dataclasses.fields(DeviceProfile)}
    for name in sorted(backed - known):
        yield f"sources: {name!r} is no field"
