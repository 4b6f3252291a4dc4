"""Which stage a conversion is in, and about how long the rest takes, from what it took before."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

Progress = Callable[[str], None]
READING = "reading"
ORIGINAL = "running the original"
CHECKING = "checking it against the original"
PROVING = "proving it"
WORTH_TELLING_S = 3.0
"""An estimate below this is no news."""
LARGEST_BYTES = 100_000
"""A file of times that is larger is not ours."""


class Stages:
    """Numbers the stages of a conversion among its progress lines.

    Args:
        progress: receives the lines.
        planned: stages that are to come, by the beginning of their lines.
        history: file of what each stage took last time, in seconds; made when absent.
        clock: seconds that only go forward.
    """

    def __init__(
        self,
        progress: Progress,
        planned: Sequence[str],
        history: Path,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._progress = progress
        self._planned = list(planned)
        self._history = history
        self._clock = clock
        self._known = _read(history)
        self._took: dict[str, float] = {}
        self._now = ""
        self._began_s = 0.0

    def __call__(self, message: str) -> None:
        """A line; one that begins with a planned stage starts it, others are passed through."""
        stage = next((s for s in self._planned if f"{message} ".startswith(f"{s} ")), "")
        if not stage or stage in (self._now, *self._took):  # a ladder has some more than once
            self._progress(message)
            return
        self._end_stage()
        self._now, self._began_s = stage, self._clock()
        position = self._planned.index(stage)
        left = [self._known.get(name) for name in self._planned[position:]]
        shown = f"[{position + 1}/{len(self._planned)}] {message}"
        known = [value for value in left if value is not None]
        if len(known) == len(left) and sum(known) > WORTH_TELLING_S:
            shown += f", about {sum(known):.0f} s left"
        self._progress(shown)

    def finish(self) -> None:
        """Keeps what the stages took, for the next estimate."""
        self._end_stage()
        self._now = ""
        if not self._took:
            return
        part = self._history.with_name(f"{self._history.name}.{os.getpid()}.part")
        try:
            self._history.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps(_read(self._history) | self._took), encoding="utf-8")
            os.replace(part, self._history)
        except OSError:
            part.unlink(missing_ok=True)  # an estimate is not worth an error

    def _end_stage(self) -> None:
        if self._now:
            self._took[self._now] = round(self._clock() - self._began_s, 2)


def planned_stages(steps: Sequence[str], *, data: bool, proof: bool) -> tuple[str, ...]:
    """Beginnings of the lines of a conversion that goes by these steps.

    Args:
        steps: lines of the steps.
        data: whether the original is judged on samples first.
        proof: whether the boards' own runtime is tried at the end.
    """
    ends = (CHECKING, PROVING) if proof else (CHECKING,)
    if data:
        return (READING, ORIGINAL, *dict.fromkeys(steps), *ends)
    return (READING, *dict.fromkeys(steps), ORIGINAL, *ends)


def _read(path: Path) -> dict[str, float]:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            return {}
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {k: float(v) for k, v in content.items() if isinstance(v, int | float)}
