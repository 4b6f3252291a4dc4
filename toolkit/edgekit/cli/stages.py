"""What an unfinished chain has done already, so that the same command goes on from there."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from edgekit import __version__
from edgekit.cli.output import Output
from edgekit.core.errors import EdgekitError, RecordError
from edgekit.core.record import Record, load, save

FILE = "stages.json"


@dataclass(frozen=True)
class Done(Record):
    """Stages whose records lie in the folder; the file goes away when the chain is through."""

    KIND: ClassVar[str] = "edgekit.stages"

    key: str
    """Of everything that decides what comes out."""
    stages: tuple[str, ...] = ()


class Stages:
    """The stages of one chain in one output folder."""

    def __init__(self, folder: Path, key: str, total: int, output: Output) -> None:
        self.path = folder / FILE
        self.total = total
        self.output = output
        self.number = 0
        self.done = _read(self.path, key)

    def forget(self) -> None:
        """Begins from the first stage."""
        self.done = Done(self.done.key)
        self.path.unlink(missing_ok=True)

    @contextmanager
    def stage(self, title: str) -> Iterator[None]:
        """Tells that a stage begins and how long it took; where it fails, how to go on."""
        self.number += 1
        self.output.note(f"{self.number}/{self.total} {title}")
        begun = time.perf_counter()
        try:
            yield
        except (EdgekitError, KeyboardInterrupt):
            kept = ", ".join(self.done.stages)
            if kept:
                self.output.note(f"stage {self.number} of {self.total} did not end; kept: {kept}")
                self.output.next_step("the same command again goes on from there")
            raise
        self.output.detail(f"  {time.perf_counter() - begun:.1f} s")

    def has(self, name: str) -> bool:
        """Whether an earlier, unfinished run of the same chain did it; this is told."""
        if name not in self.done.stages:
            return False
        self.output.note(f"  {name}: kept from the run before (--restart does it again)")
        return True

    def end(self, name: str) -> None:
        """Its records are saved."""
        if name not in self.done.stages:
            self.done = Done(self.done.key, (*self.done.stages, name))
            save(self.done, self.path)

    def finish(self) -> None:
        """The chain is through: the next run begins anew."""
        self.path.unlink(missing_ok=True)


def key_of(parts: Iterable[object], files: Iterable[Path | None]) -> str:
    """A hash of what decides the outcome: settings as they read, files by size and time."""
    found = [__version__, *map(repr, parts)]
    for path in files:
        if path is not None and path.exists():
            stat = path.stat()
            found.append(f"{path.absolute()} {stat.st_size} {stat.st_mtime_ns}")
    return hashlib.sha256("\n".join(found).encode()).hexdigest()


def _read(path: Path, key: str) -> Done:
    """What was done with the same key; nothing when it was another question."""
    try:
        found = load(Done, path) if path.exists() else Done(key)
    except RecordError:  # cut off by a full disk, or of another version: begin anew
        return Done(key)
    return found if found.key == key else Done(key)
