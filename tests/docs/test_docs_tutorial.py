"""The tutorial, as a newcomer would follow it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from edgekit.core.comparison import Comparison
from edgekit.core.record import load

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(900)]
PAGE = Path(__file__).resolve().parents[2] / "docs/tutorial.md"
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_tutorial_leads_to_a_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = PAGE.read_text().partition("## A real board")[0]  # which the tests do not have
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}", prepend=":")
    for language, body in BLOCK.findall(text):
        command = [sys.executable, "-c", body] if language == "python" else ["sh", "-ec", body]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{body}\n{done.stdout[-500:]}\n{done.stderr[-3000:]}"
    assert "</html>" in (tmp_path / "edgekit-out/report.html").read_text()
    found = load(Comparison, tmp_path / "edgekit-out/records/comparison.json")
    assert [item.network and item.network.id for item in found.networks] == ["fiber", "4g"]
