"""An artifact with one thing changed: another engine, or the user's own pipeline.py."""

from __future__ import annotations

import ast
import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from edgekit.core.artifact import FileEntry, ModelArtifact
from edgekit.core.errors import ConfigError
from edgekit.core.record import Unavailable, load, save
from edgekit.core.suggest import did_you_mean
from edgekit_runner import engines, wire

PYTHON_PIPELINE = "python"
"""Kind of a PipelineSpec whose steps are the user's own."""
FUNCTIONS = ("preprocess", "postprocess")


def with_changes(
    folder: Path, target: Path, *, engine: str = "", pipeline: Path | None = None
) -> Path:
    """The folder itself when nothing changes, else a changed copy in ``target``.

    Raises:
        ConfigError: the engine is unknown or cannot run the format, or there is no such pipeline.
    """
    card = load(ModelArtifact, folder / wire.CARD_FILE)
    if (not engine or engine == card.engine) and pipeline is None:
        return folder
    changed = card
    if engine and engine != card.engine:
        require_engine(engine, card)
        changed = replace(changed, engine=engine)
    shutil.copytree(folder, target)
    if pipeline is not None:
        changed = _with_pipeline(changed, target, pipeline)
    save(changed, target / wire.CARD_FILE)
    return target


def require_engine(engine: str, card: ModelArtifact) -> None:
    """Refuses an engine that cannot run the artifact.

    Raises:
        ConfigError: unknown, or made for other formats.
    """
    if engine not in engines.names():
        raise ConfigError(
            f"no engine is called {engine!r}", hint=did_you_mean(engine, engines.names())
        )
    formats = engines.find_engine(engine).FORMATS
    if engine != card.engine and card.format.value not in formats:
        raise ConfigError(
            f"{engine} runs {', '.join(formats)}, the artifact is {card.format.value}",
            hint=f"edgekit convert MODEL --profile {card.profile} --engine {engine}",
        )


def attach_pipeline(folder: Path, pipeline: Path) -> ModelArtifact:
    """Makes the user's pipeline.py part of an artifact, in the place of the card's own steps.

    Raises:
        ConfigError: as :func:`read_pipeline` says.
    """
    card = load(ModelArtifact, folder / wire.CARD_FILE)
    changed = _with_pipeline(card, folder, pipeline)
    save(changed, folder / wire.CARD_FILE)
    return changed


def read_pipeline(pipeline: Path) -> bytes:
    """The text of a pipeline.py that has what the board will ask it for.

    Raises:
        ConfigError: it cannot be read, is not Python, or lacks a function.
    """
    hint = "it needs preprocess(raw) and postprocess(outputs), see docs/run.md"
    try:
        text = pipeline.read_bytes()
        tree = ast.parse(text, str(pipeline))
    except OSError as err:
        raise ConfigError(f"{pipeline} cannot be read: {err.strerror}", hint=hint) from err
    except (SyntaxError, ValueError) as err:
        raise ConfigError(f"{pipeline} is not Python: {err}", hint=hint) from err
    missing = [name for name in FUNCTIONS if name not in _names(tree)]
    if missing:
        raise ConfigError(f"{pipeline} has no function {missing[0]}", hint=hint)
    return text


def _names(tree: ast.Module) -> set[str]:
    """What a module binds at its top: functions, assignments, imports."""
    found = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


def _with_pipeline(card: ModelArtifact, folder: Path, pipeline: Path) -> ModelArtifact:
    text = read_pipeline(pipeline)
    (folder / wire.PIPELINE_FILE).write_bytes(text)
    entry = FileEntry(wire.PIPELINE_FILE, sha256(text).hexdigest(), len(text))
    kept = tuple(file for file in card.files if file.path != wire.PIPELINE_FILE)
    return replace(
        card,
        files=(*kept, entry),
        pipeline=replace(card.pipeline, kind=PYTHON_PIPELINE),
        replay=Unavailable(f"it carries a {wire.PIPELINE_FILE} of the user's; convert it again"),
    )
