"""Does a conversion again from the card of its artifact, and compares byte by byte."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit.convert.detect import content_sha256, detect
from edgekit.convert.request import ConvertRequest
from edgekit.core.artifact import ModelArtifact, PipelineSpec, Replay
from edgekit.core.errors import ConfigError, StepFailed
from edgekit.core.record import Unavailable, from_plain, to_plain

FILES = ("model", "calibration", "data", "weights")
FLAGS = {"max_drop_points": "--max-drop"}
"""Fields of a request whose flag is not their own name."""


def replay_of(request: ConvertRequest) -> Replay:
    """What makes the artifact again: the request, and the hash of every file that it names."""
    return Replay(_command(request), plain_request(request), _hashes(request))


def plain_request(request: ConvertRequest) -> dict[str, object]:
    """A request as JSON."""
    fields: dict[str, object] = {}
    for field in dataclasses.fields(request):
        value = getattr(request, field.name)
        fields[field.name] = str(value) if isinstance(value, Path) else to_plain(value)
    return fields


def request_from(fields: Mapping[str, object]) -> ConvertRequest:
    """The inverse of :func:`plain_request`.

    Raises:
        ConfigError: a field is unknown to this edgekit.
    """
    known = {field.name for field in dataclasses.fields(ConvertRequest)}
    unknown = sorted(set(fields) - known)
    if unknown:
        raise ConfigError(
            f"the request asks for {unknown[0]}, which this edgekit does not know",
            hint="replay it with the version that made it, or a newer one",
        )
    values: dict[str, Any] = {k: _typed(k, v) for k, v in fields.items()}  # Any: a field's value
    return ConvertRequest(**values)


def request_of(card: ModelArtifact, changed: Mapping[str, Path | None]) -> ConvertRequest:
    """The request that made the artifact.

    Args:
        card: the artifact's.
        changed: where files lie today, when not where they lay then.

    Raises:
        ConfigError: the card has no request, or a file is missing or has changed.
    """
    replay = card.replay
    if isinstance(replay, Unavailable):
        raise ConfigError(f"the card of {card.name} cannot be replayed: {replay.reason}")
    request = request_from(replay.request)
    # Any: replace() takes fields of every type
    moved: dict[str, Any] = {name: path for name, path in changed.items() if path is not None}
    request = dataclasses.replace(request, **moved)
    for name, wanted in replay.inputs.items():
        path = getattr(request, name)
        if not path.exists():
            raise ConfigError(
                f"{path} is missing; the artifact was made from it",
                hint="run it in the same folder, or say where the file is: "
                + ("MODEL" if name == "model" else f"--{name} PATH"),
            )
        found = _hash(name, request)
        if found != wanted:
            raise ConfigError(
                f"{path} has changed: its hash begins with {found[:12]}, the artifact was made "
                f"from {wanted[:12]}",
                hint="a new artifact: edgekit convert without --replay",
            )
    return request


@dataclass(frozen=True)
class Difference:
    """A file that came out otherwise."""

    path: str
    before: str
    after: str
    """Hashes; empty where the file is on one side alone."""


def differences(before: ModelArtifact, after: ModelArtifact) -> tuple[Difference, ...]:
    """Files of two artifacts that are not the same, byte by byte."""
    old = {entry.path: entry.sha256 for entry in before.files}
    new = {entry.path: entry.sha256 for entry in after.files}
    return tuple(
        Difference(path, old.get(path, ""), new.get(path, ""))
        for path in sorted(old | new)
        if old.get(path) != new.get(path)
    )


def require_same(before: ModelArtifact, after: ModelArtifact) -> None:
    """The replay gave the same bytes.

    Raises:
        StepFailed: it did not; the message names the files, and tools of other versions.
    """
    found = differences(before, after)
    if not found:
        return
    names = ", ".join(difference.path for difference in found[:5])
    tools = _other_tools(before, after)
    raise StepFailed(
        f"the replay of {before.name} differs in {len(found)} of {len(before.files)} files: {names}"
        + (f"; other versions: {', '.join(tools)}" if tools else ""),
        hint="replay it with the edgekit that made it" if tools else "report it with both cards",
        details={"files": [difference.path for difference in found], "tools": list(tools)},
    )


def _other_tools(before: ModelArtifact, after: ModelArtifact) -> tuple[str, ...]:
    old = {k: v for step in before.steps for k, v in step.tools.items()}
    new = {k: v for step in after.steps for k, v in step.tools.items()}
    return tuple(
        f"{name} {old.get(name, 'none')} -> {new.get(name, 'none')}"
        for name in sorted(old | new)
        if old.get(name) != new.get(name)
    )


def _typed(name: str, value: object) -> object:
    if name in FILES:
        return Path(str(value)) if value is not None else None
    if name == "pipeline":
        return from_plain(PipelineSpec, value)
    if name == "shapes" and isinstance(value, Mapping):
        return {str(k): tuple(int(size) for size in v) for k, v in value.items()}
    return tuple(value) if isinstance(value, list) else value


def _hashes(request: ConvertRequest) -> dict[str, str]:
    return {n: _hash(n, request) for n in FILES if getattr(request, n) is not None}


def _hash(name: str, request: ConvertRequest) -> str:
    path: Path = getattr(request, name)
    if name == "model":
        return detect(path, trust=request.trust).sha256
    return content_sha256(path)


def _command(request: ConvertRequest) -> str:
    """The same as flags, for people."""
    words = ["edgekit", "convert", str(request.model)]
    for field in dataclasses.fields(request):
        value = getattr(request, field.name)
        default = field.default
        if default is dataclasses.MISSING and field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        if field.name == "model" or value == default:
            continue
        words += _words(field.name, value)
    return shlex.join(words)


def _words(name: str, value: Any) -> list[str]:  # Any: a field's value
    flag = FLAGS.get(name, "--" + name.replace("_", "-"))
    if name == "proof":
        return ["--no-proof"]
    if name == "shapes":
        sized = (f"{key}={'x'.join(map(str, shape))}" for key, shape in value.items())
        return [word for text in sized for word in ("--shape", text)]
    if isinstance(value, PipelineSpec):
        return [flag, _pipeline(value)]
    if isinstance(value, bool):
        return [flag]
    if isinstance(value, tuple):
        return [word for item in value for word in (flag, str(item))]
    return [flag, str(value)]


def _pipeline(pipeline: PipelineSpec) -> str:
    if pipeline.kind == "audio":
        return f"audio:rate={pipeline.sample_rate_hz}"
    mean, std = ("/".join(f"{v:g}" for v in side) for side in (pipeline.mean, pipeline.std))
    return f"mean={mean},std={std}"
