"""What onnx2tf says of the operations of a model that it could not, or only seemingly, convert."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from edgekit.convert.workers.operations import listed
from edgekit.core.errors import UnsupportedModel


def require_covered(folder: Path) -> None:
    """Every operation has a form among TFLite's own.

    Raises:
        UnsupportedModel: some have not; all of them are named. onnx2tf writes those as custom
            operations, which no runtime has.
    """
    found = read_report(folder)
    nodes = [*found.get("unsupported_nodes", ()), *found.get("custom_lowered_nodes", ())]
    counts = Counter(str(node["onnx_op"]) for node in nodes)
    if counts:
        raise UnsupportedModel(
            f"TFLite has no form of {listed(counts)}", hint="--engine onnxruntime"
        )


def read_report(folder: Path) -> dict[str, Any]:  # Any: JSON
    """The report of operations; empty when there is none."""
    for path in folder.glob("*_op_coverage_report.json"):
        content = json.loads(path.read_text(encoding="utf-8"))
        return dict(content)
    return {}
