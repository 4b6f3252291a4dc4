"""Wheel and sdist: what is inside, and a clean installation of the wheel."""

from __future__ import annotations

import configparser
import hashlib
import re
import subprocess
import sys
import tarfile
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from edgekit.boards.runner_archive import runner_archive
from edgekit.core.record import save
from edgekit.toolenvs import environment as environments
from edgekit.toolenvs.pins import ENVIRONMENTS, ToolEnvironment
from samples import measurement

ROOT = Path(__file__).resolve().parents[2]
HEAVY = (
    "numpy",
    "tensorflow",
    "torch",
    "onnx",
    "onnxruntime",
    "openvino",
    "rich",
    "ray",
    "kserve",
)
PROBE = (
    "import hashlib; from edgekit.boards.runner_archive import runner_archive; "
    "print(hashlib.sha256(runner_archive()).hexdigest())"
)


def extras() -> dict[str, set[str]]:
    """Name of an extra to what it asks for, other extras of ours resolved."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    found = {
        name: {line for line in text.splitlines() if line and not line.startswith("#")}
        for name, text in parser["options.extras_require"].items()
    }
    for name, lines in found.items():
        for line in list(lines):
            other = re.fullmatch(r"edgekit-toolkit\[(\w+)\]", line)
            if other:
                found[name] = (found[name] - {line}) | found[other[1]]
    return found


def test_every_extra_that_was_promised_is_there() -> None:
    promised = {"tensorflow", "onnx", "openvino", "torch", "sklearn", "cloud", "ray", "all"}
    assert promised <= set(extras())


@pytest.mark.parametrize("name", sorted(set(ENVIRONMENTS) & set(extras())))
def test_extras_hold_the_pins_of_the_tool_environments(name: str) -> None:
    assert extras()[name] == set(ENVIRONMENTS[name].requirements)


def test_an_environment_that_is_here_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    click = metadata.version("click")
    here = ToolEnvironment("here", "a test", (f"click=={click}", "jinja2>=3"), 1)
    assert environments.ensure(here) == Path(sys.executable)
    other = ToolEnvironment("other", "a test", ("click==0.1",), 1)
    assert not environments.is_here(other)
    assert not environments.is_here(ToolEnvironment("gone", "a test", ("no-such-thing",), 1))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return folder


@pytest.mark.slow
def test_the_wheel_holds_what_is_needed_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    sources = {
        path.relative_to(ROOT / "toolkit").as_posix()
        for path in (ROOT / "toolkit").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and ".egg-info" not in str(path)
    }
    profiles = {f"edgekit_device_profiles/{p.name}" for p in ROOT.glob("device_profiles/*.*")}
    inside = {name for name in names if ".dist-info/" not in name}
    assert inside == sources | profiles
    assert wheel.stat().st_size < 3_000_000
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "README.md", "tests/packaging/test_packaging.py", "docs/run.md"} <= packed


@pytest.mark.slow
def test_a_clean_installation_works_without_anything_heavy(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    python = tmp_path / "venv/bin/python"
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    constraints = str(ROOT / "constraints.txt")
    install = [str(python), "-m", "pip", "install", "-q", "-c", constraints, str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    record = save(measurement(), tmp_path / "run.json")
    for arguments in (
        ["--help"],
        ["profiles", "check"],
        ["net", "list"],
        ["rules", "check"],
        ["engines", "check"],
        ["doctor"],
        ["report", str(record), "--html", "report.html"],
    ):
        command = [str(python.with_name("edgekit")), *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (arguments, done.stderr)
        assert "Traceback" not in done.stderr
    assert "<svg" in (tmp_path / "report.html").read_text()
    listed = subprocess.run(
        [python, "-m", "pip", "list"], capture_output=True, text=True, check=True
    )
    installed = {line.split()[0].lower() for line in listed.stdout.splitlines() if line}
    assert installed.isdisjoint(HEAVY)
    there = subprocess.run([python, "-c", PROBE], capture_output=True, text=True, check=True)
    assert there.stdout.strip() == hashlib.sha256(runner_archive()).hexdigest()
