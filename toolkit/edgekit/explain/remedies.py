"""Remedies as commands that run as they stand, with the names that the records carry.

A command whose names are in no record is empty: what a person would have to fill in is no command.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from edgekit.core.lag import Confidence, Remedy
from edgekit.core.record import Unavailable
from edgekit.explain.evidence import Evidence

UNKNOWN_GAIN = Unavailable("measure it to know")
FLAG_OF = {
    "threads": "--threads",
    "engine": "--engine",
    "variant": "--variant",
    "batch": "--batch",
    "concurrency": "--concurrency",
}
"""Settings of a run to the flag of ``edgekit run``."""
OPTION = "engine_option."
"""Prefix of a setting that is an option of the engine itself."""


def folder_of(evidence: Evidence) -> str:
    """Where the measured artifact lies, or empty."""
    return evidence.records.folder or evidence.measurement.model.get("folder", "")


def run_again(evidence: Evidence, change: Mapping[str, str]) -> str:
    """``edgekit run`` of the same artifact on the same board with other settings."""
    folder = folder_of(evidence)
    if not folder:
        return ""
    words = ["edgekit", "run", folder, "--board", evidence.measurement.board]
    for name, value in change.items():
        if name.startswith(OPTION):
            words += ["--engine-option", f"{name.removeprefix(OPTION)}={value}"]
        elif name in FLAG_OF:
            words += [FLAG_OF[name], value]
    return shlex.join(words)


def deploy(evidence: Evidence) -> str:
    """``edgekit deploy`` of the artifact on the board."""
    folder = folder_of(evidence)
    words = ["edgekit", "deploy", folder, "--board", evidence.measurement.board]
    return shlex.join(words) if folder else ""


def probe(evidence: Evidence) -> str:
    """``edgekit boards probe``: what the board says about itself now."""
    return shlex.join(["edgekit", "boards", "probe", evidence.measurement.board])


def convert_again(evidence: Evidence, **changes: str) -> str:
    """The conversion that made the artifact, with other options and a folder of its own."""
    card = evidence.artifact
    if card is None or isinstance(card.replay, Unavailable):
        return ""
    words = shlex.split(card.replay.command)
    for name, value in changes.items():
        words = _with_option(words, "--" + name.replace("_", "-"), value)
    suffix = "-".join(changes.values()).replace("/", "-")
    out = f"{folder_of(evidence) or card.name}-{suffix}"
    return shlex.join(_with_option(words, "--out", out))


def serve_again(evidence: Evidence, *flags: str) -> str:
    """``edgekit serve`` of what the endpoint serves, with other options."""
    folder = _original(evidence)
    return shlex.join(["edgekit", "serve", folder, *flags]) if folder else ""


def ask_again(evidence: Evidence, *flags: str, endpoint: str = "") -> str:
    """``edgekit compare`` with the same endpoint, asked in another way."""
    folder, original = folder_of(evidence), _original(evidence)
    if not folder or not original:
        return ""
    where = endpoint or evidence.trips[0].endpoint
    words = ["edgekit", "compare", folder, original, "--board", evidence.measurement.board]
    return shlex.join([*words, "--cloud", where, *flags])


def setting(
    evidence: Evidence,
    action: str,
    change: Mapping[str, str],
    gain_ms: float | Unavailable = UNKNOWN_GAIN,
    confidence: Confidence = Confidence.MEDIUM,
) -> Remedy:
    """A remedy that changes settings of the run, which ``explain --apply`` can make by itself."""
    return Remedy(action, run_again(evidence, change), positive(gain_ms), confidence, dict(change))


def quantize(evidence: Evidence, gain_ms: float | Unavailable = UNKNOWN_GAIN) -> Remedy:
    """Another conversion of the model in int8, within the accuracy that the user's data show."""
    has_samples = "--calibration" in _replay_words(evidence)
    recipe = "int8-static" if has_samples else "int8-dynamic"
    command = convert_again(evidence, recipe=recipe)
    confidence = Confidence.MEDIUM if isinstance(gain_ms, float) else Confidence.LOW
    text = "store and compute in int8: a quarter of the bytes"
    return Remedy(text, command, positive(gain_ms), confidence, {"recipe": recipe})


def positive(gain_ms: float | Unavailable) -> float | Unavailable:
    """A gain below 0 is none."""
    return gain_ms if isinstance(gain_ms, Unavailable) else max(gain_ms, 0.0)


def _original(evidence: Evidence) -> str:
    return evidence.trips[0].model.get("folder", "") if evidence.trips else ""


def _replay_words(evidence: Evidence) -> Sequence[str]:
    card = evidence.artifact
    if card is None or isinstance(card.replay, Unavailable):
        return ()
    return shlex.split(card.replay.command)


def _with_option(words: Sequence[str], flag: str, value: str) -> list[str]:
    kept = list(words)
    if flag in kept:
        at = kept.index(flag)
        kept[at + 1 : at + 2] = [value]
        return kept
    return [*kept, flag, value]
