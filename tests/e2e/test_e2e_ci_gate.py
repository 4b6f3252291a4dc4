"""The recipe of docs/ci-gate.md, as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(600)]
PAGE = Path(__file__).resolve().parents[2] / "docs/ci-gate.md"


def test_the_gate_passes_within_its_budget_and_fails_beyond(
    tmp_path: Path, onnx_models: Path, samples: dict[str, Path]
) -> None:
    script = re.search(r"```sh\n(#!/bin/sh.*?)```", PAGE.read_text(), re.DOTALL)
    assert script
    (tmp_path / "ci-gate.sh").write_text(script[1])
    settings = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "MODEL": str(onnx_models / "net.onnx"),
        "CALIBRATION": str(samples["nchw"]),
        "MAX_P50": "10s",
        "MAX_P95": "10s",
    }
    for budget, code, failures in (("10s", 0, "0"), ("1us", 7, "1")):
        done = subprocess.run(
            ["sh", "ci-gate.sh"],
            cwd=tmp_path,
            env=os.environ | settings | {"MAX_P50": budget},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        suites = ElementTree.fromstring((tmp_path / "gate/junit.xml").read_bytes())
        assert suites.attrib["failures"] == failures
        assert "</html>" in (tmp_path / "gate/report.html").read_text()
