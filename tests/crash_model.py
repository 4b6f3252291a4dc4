"""Every state that a disk may legally be in after the power went.

The weakest file system that POSIX allows, weaker than any real one: an entry of a folder is durable
once that folder was synced, the content of a file once that file was. Until then each entry is any
of the values it had since (so renames are reordered and half done), and content is any of the
versions it had, or empty, or half of it, or as long as it was but zeroed.
"""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from crash_recording import Operation


@dataclass
class Node:
    """A file, folder or symbolic link."""

    kind: str
    target: str = ""
    contents: list[bytes] = field(default_factory=lambda: [b""])
    """The durable content first, then every later version."""
    entries: dict[str, list[Node | None]] = field(default_factory=dict)
    """Name to the durable value, then every later one."""


Item = tuple[str, Any]  # Any: bytes, a target, or a State, as the kind says
State = tuple[tuple[str, Item], ...]
"""A folder as it can be on disk: sorted (name, ("f", bytes) | ("l", target) | ("d", State))."""


class Disk:
    """A folder while operations change it."""

    def __init__(self) -> None:
        self.root = Node("d")

    @classmethod
    def of_folder(cls, path: Path) -> Disk:
        """A folder as it is, all of it durable."""
        disk = cls()
        known: dict[int, Node] = {}
        disk.root = _node_of(path, known)
        return disk

    def apply(self, operation: Operation) -> None:
        """Does one operation."""
        do = getattr(self, f"_{operation.kind}")
        do(operation)

    def count(self) -> int:
        """How many ways the disk can look, ways that look alike counted once per choice."""
        return _count(self.root)

    def states(self, limit: int, chance: random.Random) -> Iterator[State]:
        """Every legal state, or that many chosen at random when there are more."""
        if self.count() <= limit:
            yield from _states(self.root)
            return
        for _ in range(limit):
            yield _random_state(self.root, chance)

    def _create(self, operation: Operation) -> None:
        node = self._find(operation.path)
        if node is None:
            self._set(operation.path, Node("f"))
        else:
            node.contents.append(b"")

    def _write(self, operation: Operation) -> None:
        node = self._need(operation.path)
        node.contents.append(node.contents[-1] + operation.data)

    def _rename(self, operation: Operation) -> None:
        node = self._need(operation.path)
        self._set(operation.other, node)
        self._set(operation.path, None)

    def _link(self, operation: Operation) -> None:
        self._set(operation.other, self._need(operation.path))

    def _symlink(self, operation: Operation) -> None:
        self._set(operation.path, Node("l", target=operation.other))

    def _mkdir(self, operation: Operation) -> None:
        self._set(operation.path, Node("d"))

    def _unlink(self, operation: Operation) -> None:
        self._set(operation.path, None)

    _rmdir = _unlink

    def _fsync(self, operation: Operation) -> None:
        _sync(self._need(operation.path))

    def _sync(self, operation: Operation) -> None:
        _sync_all(self.root)

    def _find(self, path: str) -> Node | None:
        node: Node | None = self.root
        for part in PurePosixPath(path).parts:
            if node is None or part not in node.entries:
                return None
            node = node.entries[part][-1]
        return node

    def _need(self, path: str) -> Node:
        node = self._find(path)
        assert node is not None, path
        return node

    def _set(self, path: str, node: Node | None) -> None:
        parent, name = os.path.split(path)
        self._need(parent).entries.setdefault(name, [None]).append(node)


def write_state(state: State, path: Path) -> None:
    """Makes a state real."""
    path.mkdir()
    for name, (kind, value) in state:
        target = path / name
        if kind == "f":
            target.write_bytes(value)
        elif kind == "l":
            target.symlink_to(value)
        else:
            write_state(value, target)


def _node_of(path: Path, known: dict[int, Node]) -> Node:
    if path.is_symlink():
        return Node("l", target=str(path.readlink()))
    number = path.stat().st_ino
    if number not in known:
        if path.is_dir():
            entries: dict[str, list[Node | None]] = {
                child.name: [_node_of(child, known)] for child in path.iterdir()
            }
            known[number] = Node("d", entries=entries)
        else:
            known[number] = Node("f", contents=[path.read_bytes()])
    return known[number]


def _sync(node: Node) -> None:
    node.contents = node.contents[-1:]
    node.entries = {name: values[-1:] for name, values in node.entries.items()}


def _sync_all(node: Node) -> None:
    _sync(node)
    for values in node.entries.values():
        if values[-1] is not None:
            _sync_all(values[-1])


def _versions(node: Node) -> list[bytes]:
    """Contents that a file can have after a crash."""
    versions = list(node.contents)
    if len(versions) > 1:
        last = versions[-1]
        versions += [b"", last[: len(last) // 2], bytes(len(last))]
    return list(dict.fromkeys(versions))


def _values(values: list[Node | None]) -> list[Node | None]:
    kept: list[Node | None] = []
    for value in values:
        if not any(value is other for other in kept):
            kept.append(value)
    return kept


def _count(node: Node | None) -> int:
    if node is None or node.kind == "l":
        return 1
    if node.kind == "f":
        return len(_versions(node))
    total = 1
    for values in node.entries.values():
        total *= sum(_count(value) for value in _values(values))
    return total


def _states(node: Node) -> Iterator[State]:
    """Every state of a folder. A file with two names is chosen for each name on its own."""
    names = sorted(node.entries)
    choices = [list(_choices(node.entries[name])) for name in names]
    for combination in itertools.product(*choices):
        yield tuple(
            (name, value)
            for name, value in zip(names, combination, strict=True)
            if value is not None
        )


def _choices(values: list[Node | None]) -> Iterator[Item | None]:
    for value in _values(values):
        if value is None:
            yield None
        elif value.kind == "f":
            yield from (("f", content) for content in _versions(value))
        elif value.kind == "l":
            yield ("l", value.target)
        else:
            yield from (("d", state) for state in _states(value))


def _random_state(node: Node, chance: random.Random) -> State:
    found: list[tuple[str, Item]] = []
    for name in sorted(node.entries):
        value = chance.choice(_values(node.entries[name]))
        if value is None:
            continue
        if value.kind == "f":
            found.append((name, ("f", chance.choice(_versions(value)))))
        elif value.kind == "l":
            found.append((name, ("l", value.target)))
        else:
            found.append((name, ("d", _random_state(value, chance))))
    return tuple(found)
