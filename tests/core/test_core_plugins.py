"""Plug-ins of another package, installed for real, are found beside ours."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from edgekit.core.plugins import plugin_paths

PACKAGES = (
    "edgekit.boards.transports",
    "edgekit.cli.commands",
    "edgekit.convert.steps",
    "edgekit.explain.rules",
    "edgekit.report",
)
RULE = '''
"""A rule of somebody else."""
CAUSE = "other-rule"
GROUP = "software"
def judge(evidence):
    return None
'''
COMMAND = '''"""Say hello."""
import click
@click.command()
def command():
    """Say hello to everyone."""
    print("hello from a plug-in")
'''
POINTS = "[edgekit.rules]\nother_rule = edgekit_other.rule\n[edgekit.commands]\nhello = edgekit_other.hello\n"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with an installed distribution that brings a rule and a command."""
    (tmp_path / "edgekit_other").mkdir()
    (tmp_path / "edgekit_other/__init__.py").write_text("")
    (tmp_path / "edgekit_other/rule.py").write_text(RULE)
    (tmp_path / "edgekit_other/hello.py").write_text(COMMAND)
    info = tmp_path / "edgekit_other-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: edgekit-other\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    return tmp_path


def python(site: Path, script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": str(site), "PATH": "/usr/bin:/bin", "HOME": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("package", PACKAGES)
def test_ours_are_found_by_listing(package: str) -> None:
    paths = plugin_paths(package)
    assert len(paths) >= 2
    assert all(path.startswith(package) for path in paths.values())


def test_a_rule_of_another_package(site: Path) -> None:
    script = (
        "from edgekit.explain.explaining import all_rules\nprint([r.CAUSE for r in all_rules()])"
    )
    assert "'other-rule'" in python(site, script)


def test_a_command_of_another_package(site: Path) -> None:
    run = "import sys\nfrom edgekit.cli.main import run\nsys.exit(run({0}))"
    assert re.search(r"hello +Say hello", python(site, run.format(["--help"])))
    assert "hello from a plug-in" in python(site, run.format(["hello"]))
