"""Strict reading of TOML into frozen dataclasses: all problems of a file at once."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from edgekit.core.errors import ConfigError
from edgekit.core.suggest import did_you_mean

Value = TypeVar("Value")


def files_by_stem(folders: Iterable[Path]) -> dict[str, Path]:
    """The TOML files of folders by their stem; the first folder that has a stem wins."""
    found: dict[str, Path] = {}
    for folder in folders:
        if folder.is_dir():
            for path in sorted(folder.glob("*.toml")):
                found.setdefault(path.stem, path)
    return dict(sorted(found.items()))


def choose_file(
    name: str, files: dict[str, Path], *, what: str, listing: str, error: type[ConfigError]
) -> Path:
    """The file that a name or a path means.

    Args:
        name: a stem among the files, or a path.
        files: by stem.
        what: how people call it.
        listing: the command that lists all of them.
        error: what to raise.

    Raises:
        ConfigError: no file has that stem; with the nearest names.
    """
    if name.endswith(".toml") or "/" in name:
        return Path(name)
    if name not in files:
        raise error(
            f"no {what} is called {name!r}", hint=f"{did_you_mean(name, files)}  ({listing})"
        )
    return files[name]


def read_table(
    path: Path, *, error: type[ConfigError] = ConfigError
) -> dict[str, Any]:  # Any: TOML
    """The top table of a TOML file.

    Raises:
        ConfigError: missing, not a file, not UTF-8, or not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as err:
        raise error(f"{path}: no such file") from err
    except OSError as err:
        raise error(f"{path}: cannot be read: {err.strerror}") from err
    except UnicodeDecodeError as err:
        raise error(f"{path}: not UTF-8 text") from err
    except tomllib.TOMLDecodeError as err:
        raise error(f"{path}: not TOML: {err}") from err


def problems_of(kind: type[Value], table: object, where: str) -> tuple[Value | None, list[str]]:
    """The validated value, or every problem as ``file: key.path: expected ..., got ...``."""
    import json

    from pydantic import TypeAdapter, ValidationError

    try:
        text = json.dumps(table, default=str)
        return TypeAdapter(kind).validate_json(text, strict=True), []
    except ValidationError as err:
        return None, [_spell(problem, where) for problem in err.errors()]


def validate(
    kind: type[Value], table: object, where: str, *, error: type[ConfigError] = ConfigError
) -> Value:
    """The table as a dataclass.

    Raises:
        ConfigError: with one line per problem.
    """
    value, problems = problems_of(kind, table, where)
    if value is None or problems:
        raise error("\n".join(problems), details={"problems": problems})
    return value


def read_toml(
    kind: type[Value],
    path: Path,
    *,
    table: str | None = None,
    error: type[ConfigError] = ConfigError,
) -> Value:
    """A TOML file, or one table of it, as a dataclass; unknown keys are errors.

    Raises:
        ConfigError: with one line per problem.
    """
    top = read_table(path, error=error)
    return validate(kind, top if table is None else top.get(table), str(path), error=error)


def _spell(problem: Any, where: str) -> str:  # Any: pydantic's ErrorDetails
    key = ""
    for part in problem["loc"]:
        key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else str(part)
    kind, given = problem["type"], problem["input"]
    if kind in ("missing", "missing_argument"):
        return f"{where}: {key}: missing"
    if kind in ("unexpected_keyword_argument", "extra_forbidden"):
        return f"{where}: {key}: unknown key"
    expected = problem["msg"][:1].lower() + problem["msg"][1:]
    expected = expected.removeprefix("input should be ").removeprefix("a valid ")
    return f"{where}: {key or 'file'}: expected {expected}, got {given!r:.80}"
