"""The report as one JSON document that holds every record."""

from __future__ import annotations

import json

from edgekit.core.record import dump
from edgekit.report.input import ReportInput

SUFFIX = ".json"


def render(report: ReportInput) -> str:
    """The records as they are stored."""
    return json.dumps(dump(report), indent=1) + "\n"
