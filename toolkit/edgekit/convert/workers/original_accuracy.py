"""The original's own accuracy, before anything is made of it.

request  {"reference": FOLDER of its outputs, "evaluation": FOLDER with labels, "metric": TEXT}
reply    {"labels": BOOL, "value": NUMBER, "sample_count": N, "classes": N}
"""

from __future__ import annotations

from typing import Any

import numpy

from edgekit.convert.workers.comparison import Outputs, accuracy
from edgekit.convert.workers.samples_file import read_optional, read_outputs


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the module's docstring."""
    labels = read_optional(request["evaluation"], "labels")
    if labels is None:
        return {"labels": False, "value": 0.0, "sample_count": 0, "classes": 0}
    columns = [numpy.asarray(c, numpy.float32) for c in read_outputs(request["reference"])]
    found = accuracy([Outputs(c, c) for c in columns], numpy.asarray(labels), request["metric"])
    return {
        "labels": True,
        "value": found["original"],
        "sample_count": found["sample_count"],
        "classes": len(numpy.unique(labels)),
    }
