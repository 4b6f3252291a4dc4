"""Versioned JSON for frozen dataclasses: one pair of functions for every record.

A stored record is ``{"kind": "edgekit.<name>", "schema": <int>, "tool": "edgekit <version>", ...}``.
An older schema says how to migrate, a newer one says to update edgekit.
"""

from __future__ import annotations

import dataclasses
import json
import os
import types
import typing
from collections.abc import Mapping
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, TypeVar, Union, get_args, get_origin

from edgekit import __version__
from edgekit.core.errors import RecordError


@dataclasses.dataclass(frozen=True)
class Unavailable:
    """A value that could not be had, with the reason as a sentence. Never 0, never left out."""

    reason: str


@dataclasses.dataclass(frozen=True)
class Record:
    """Base of everything that is stored as a file of its own."""

    KIND: ClassVar[str] = ""
    SCHEMA: ClassVar[int] = 1

    def stored(self) -> dict[str, Any]:  # Any: JSON has no narrower type
        """The fields as they go into a file; a record with long series packs them here."""
        fields: dict[str, Any] = to_plain(self)  # Any: JSON
        return fields

    @classmethod
    # Any: JSON has no narrower type
    def restored(cls, fields: dict[str, Any]) -> dict[str, Any]:
        """The inverse of :meth:`stored`, before the fields are checked."""
        return fields


RecordType = TypeVar("RecordType", bound=Record)
Value = TypeVar("Value")


def to_plain(value: object) -> Any:  # Any: JSON has no narrower type
    """A dataclass tree as dictionaries, lists and scalars that ``json`` can write."""
    if isinstance(value, Unavailable):
        return {"unavailable": value.reason}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_plain(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{type(value).__name__} has no place in a record")


def from_plain(kind: type[Value], value: object, *, where: str = "") -> Value:
    """The inverse of :func:`to_plain` for a dataclass type.

    Raises:
        RecordError: a key is unknown or missing, or a value is of another type.
    """
    built = _build(kind, value, where or kind.__name__)
    return typing.cast(Value, built)


def dump(record: Record) -> dict[str, Any]:  # Any: JSON has no narrower type
    """The JSON document of a record, with its envelope."""
    envelope = {
        "kind": record.KIND,
        "schema": record.SCHEMA,
        "tool": f"edgekit {__version__}",
    }
    return envelope | record.stored()


def parse(kind: type[RecordType], document: object, *, where: str = "") -> RecordType:
    """A record from its JSON document.

    Raises:
        RecordError: it is not a document of this kind and schema.
    """
    name = where or kind.KIND
    if not isinstance(document, Mapping):
        raise RecordError(f"{name}: expected a JSON object, got {type(document).__name__}")
    fields = dict(document)
    found = fields.pop("kind", None)
    schema = fields.pop("schema", None)
    tool = fields.pop("tool", "an unknown tool")
    if found != kind.KIND:
        raise RecordError(
            f"{name}: expected a record of kind {kind.KIND}, got {found!r}",
            hint="records/ holds the records of every command; --help says which one this one reads",
        )
    if not isinstance(schema, int):
        raise RecordError(f"{name}: the record has no schema number")
    if schema > kind.SCHEMA:
        raise RecordError(
            f"{name}: schema {schema} was written by {tool}, this edgekit reads {kind.SCHEMA}",
            hint="update edgekit: pip install --upgrade edgekit-toolkit",
        )
    if schema < kind.SCHEMA:
        raise RecordError(
            f"{name}: schema {schema} is older than {kind.SCHEMA}",
            hint="make the record again with this edgekit",
        )
    return from_plain(kind, kind.restored(fields), where=name)


def save(record: Record, path: Path) -> Path:
    """Writes a record atomically (a reader sees the old file or the whole new one)."""
    write_atomically(path, json.dumps(dump(record), indent=1, allow_nan=False) + "\n")
    return path


def load(kind: type[RecordType], path: Path) -> RecordType:
    """Reads a record file.

    Raises:
        RecordError: missing, not JSON, or not a record of this kind and schema.
    """
    return parse(kind, read_document(path), where=str(path))


def read_document(path: Path) -> dict[str, Any]:  # Any: JSON has no narrower type
    """The JSON object in a file, not yet typed.

    Raises:
        RecordError: missing, unreadable, or not a JSON object.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as err:
        raise RecordError(
            f"{path}: no such record file",
            hint="edgekit run ARTIFACT --board BOARD writes one into records/",
        ) from err
    except OSError as err:
        raise RecordError(f"{path}: cannot be read: {err.strerror}") from err
    except (json.JSONDecodeError, UnicodeDecodeError) as err:
        raise RecordError(
            f"{path}: not a JSON record: {err}",
            hint="give a .json file of records/, or an artifact's card.json",
        ) from err
    if not isinstance(document, dict):
        raise RecordError(f"{path}: expected a JSON object, got {type(document).__name__}")
    return document


def write_atomically(path: Path, text: str, *, mode: int = 0o666) -> None:
    """Writes text under a temporary name in the same folder, then renames.

    Args:
        path: where it goes; its folder is made.
        text: all of it.
        mode: permissions before the umask, from the first byte on.

    Raises:
        RecordError: the folder cannot be written, or it is full.
    """
    try:
        _write_atomically(path, text, mode)
    except OSError as err:
        raise RecordError(
            f"{path}: cannot be written: {err.strerror or err}", hint="choose another folder"
        ) from err


def _write_atomically(path: Path, text: str, mode: int) -> None:
    import secrets  # takes 5 ms, which --help does not have

    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{path.name}.{secrets.token_hex(8)}"
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@cache
def _hints(kind: type) -> dict[str, Any]:  # Any: a type hint may be any typing construct
    return typing.get_type_hints(kind)


def _build(kind: Any, value: object, where: str) -> object:  # Any: a type hint
    if kind is Any or kind is object:
        return value
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _build_union(get_args(kind), value, where)
    if origin is tuple:
        return _build_tuple(get_args(kind), value, where)
    if origin in (dict, Mapping) or (isinstance(origin, type) and issubclass(origin, Mapping)):
        return _build_mapping(get_args(kind), value, where)
    if isinstance(kind, type) and issubclass(kind, Enum):
        try:
            return kind(value)
        except ValueError as err:
            known = ", ".join(str(member.value) for member in kind)
            raise RecordError(f"{where}: expected one of {known}, got {value!r}") from err
    if kind is Unavailable:
        if isinstance(value, Mapping) and isinstance(value.get("unavailable"), str):
            return Unavailable(value["unavailable"])
        raise RecordError(f"{where}: expected an unavailable reason, got {value!r}")
    if dataclasses.is_dataclass(kind):
        return _build_dataclass(typing.cast(type, kind), value, where)
    return _build_scalar(kind, value, where)


def _build_union(options: tuple[Any, ...], value: object, where: str) -> object:  # Any: type hints
    if value is None and type(None) in options:
        return None
    is_unavailable = isinstance(value, Mapping) and set(value) == {"unavailable"}
    if is_unavailable and Unavailable in options:
        return _build(Unavailable, value, where)
    reasons = []
    for option in options:
        if option in (type(None), Unavailable):
            continue
        try:
            return _build(option, value, where)
        except RecordError as err:
            reasons.append(err.message)
    raise RecordError(reasons[0] if reasons else f"{where}: unexpected {value!r}")


def _build_tuple(items: tuple[Any, ...], value: object, where: str) -> object:  # Any: type hints
    if not isinstance(value, list | tuple):
        raise RecordError(f"{where}: expected a list, got {type(value).__name__}")
    if len(items) == 2 and items[1] is Ellipsis:
        if items[0] is int and set(map(type, value)) <= {int}:  # series are long
            return tuple(value)
        return tuple(_build(items[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if len(items) != len(value):
        raise RecordError(f"{where}: expected {len(items)} items, got {len(value)}")
    return tuple(
        _build(kind, item, f"{where}[{i}]")
        for i, (kind, item) in enumerate(zip(items, value, strict=True))
    )


def _build_mapping(items: tuple[Any, ...], value: object, where: str) -> object:  # Any: type hints
    if not isinstance(value, Mapping):
        raise RecordError(f"{where}: expected an object, got {type(value).__name__}")
    return {str(key): _build(items[1], item, f"{where}.{key}") for key, item in value.items()}


def _build_dataclass(kind: type, value: object, where: str) -> object:
    if not isinstance(value, Mapping):
        raise RecordError(f"{where}: expected an object, got {type(value).__name__}")
    hints = _hints(kind)
    known = {f.name: f for f in dataclasses.fields(kind)}
    unknown = sorted(set(value) - set(known))
    if unknown:
        raise RecordError(f"{where}: unknown key {unknown[0]!r}")
    arguments = {}
    for name, field in known.items():
        if name in value:
            arguments[name] = _build(hints[name], value[name], f"{where}.{name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise RecordError(f"{where}: missing key {name!r}")
    return kind(**arguments)


def _build_scalar(kind: Any, value: object, where: str) -> object:  # Any: a type hint
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, bool) and kind is not bool:
        raise RecordError(f"{where}: expected {kind.__name__}, got {value!r}")
    if isinstance(kind, type) and isinstance(value, kind):
        return value
    name = getattr(kind, "__name__", str(kind))
    raise RecordError(f"{where}: expected {name}, got {value!r}")
