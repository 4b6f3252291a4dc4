"""The folder that a compression leaves: model.pt2 with its card, whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from edgekit.convert.converting import publish, require_free
from edgekit.convert.work import file_entries
from edgekit.core.compression import Compression
from edgekit.core.record import save

CARD = "compression.json"
MODEL = "model.pt2"


def require_out(out: Path) -> None:
    """Refuses an output folder before anything takes time.

    Raises:
        ConfigError: it cannot be written, or holds something else.
    """
    require_free(out, CARD)


def write_folder(
    card: Compression, model: Path, out: Path, command: str, *, beside: Path | None = None
) -> Compression:
    """Puts the model and its card in place; gives the card as written."""
    with tempfile.TemporaryDirectory(prefix="edgekit-compress-") as scratch:
        shutil.copyfile(model, Path(scratch) / MODEL)
        if beside is not None:  # the artifact that was made of it
            shutil.copytree(beside, Path(scratch) / beside.name)
        card = replace(
            card,
            files=file_entries(Path(scratch)),
            command=command,
            created_utc=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        )
        save(card, Path(scratch) / CARD)
        publish(Path(scratch), out)
    return card
