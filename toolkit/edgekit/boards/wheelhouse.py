"""Engine wheels for a board: downloaded on the host, hashed, cached, sent by deploy.

``pip download`` matches only the platform tags it is given, so every manylinux tag that the
board's glibc can run is listed; a single tag silently selects versions that are years old.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgekit.boards import target
from edgekit.boards.sources import file_source
from edgekit.boards.target import Target
from edgekit.core.board import BoardFacts
from edgekit.core.deploy import Wheel
from edgekit.core.errors import BoardError, EngineMissing
from edgekit.core.record import write_atomically
from edgekit.toolenvs.environment import cache_folder

Progress = Callable[[str], None]

REQUIREMENTS = {
    "litert": ("ai-edge-litert>=2.1,<=2.3.0",),
    "tflite_runtime": ("tflite-runtime==2.14.0", "numpy<2"),
    "onnxruntime": ("onnxruntime>=1.19,<=1.32.0",),
    "openvino": ("openvino>=2025.1,<=2026.4.1",),
    "tensorrt": (),
    "echo": (),
}
"""What an engine needs; the newest version with wheels for the board is taken. TensorRT comes
with the board's system.

tflite-runtime 2.14 is built against numpy 1 and dies with numpy 2, which its metadata allows."""
OLDEST_GLIBC = (2, 17)
DOWNLOAD_TIMEOUT_S = 900


@dataclass(frozen=True)
class WheelSet:
    """Wheels that make an engine importable on a board."""

    engine: str
    version: str
    wheels: tuple[Wheel, ...]
    folder: Path

    def path(self, wheel: Wheel) -> Path:
        """Where the wheel lies on the host."""
        return self.folder / wheel.filename


def why_impossible(engine: str, facts: BoardFacts) -> str:
    """Why no wheel of the engine can exist for this board; empty when one may."""
    return target.why_impossible(engine, target.target_of_board(facts), REQUIREMENTS)


def platform_tags(wanted: Target) -> tuple[str, ...]:
    """Every wheel platform tag that the board can run, newest first."""
    glibc = wanted.glibc or OLDEST_GLIBC
    minors = range(glibc[1], OLDEST_GLIBC[1] - 1, -1)
    tags = [f"manylinux_2_{minor}_{wanted.arch}" for minor in minors]
    return (*tags, f"manylinux2014_{wanted.arch}", f"linux_{wanted.arch}")


def resolve_wheels(
    engine: str, wanted: Target, *, progress: Progress = lambda message: None
) -> WheelSet:
    """The wheels of an engine for a board; from the cache when they were fetched before.

    Raises:
        EngineMissing: no wheel fits this board.
        BoardError: the package index cannot be reached.
    """
    reason = target.why_impossible(engine, wanted, REQUIREMENTS)
    if reason:
        raise EngineMissing(
            f"{engine} cannot run there: {reason}; nothing was sent",
            hint="choose another engine: edgekit engines",
        )
    folder = cache_folder() / "wheels" / _cache_key(engine, wanted)
    index = folder / "index.json"
    if not index.exists():
        _download(engine, wanted, folder, progress)
    names = json.loads(index.read_text(encoding="utf-8"))
    wheels = tuple(Wheel(n["filename"], n["sha256"], n["size_bytes"]) for n in names)
    return WheelSet(engine, _engine_version(engine, wheels), wheels, folder)


def _download(engine: str, wanted: Target, folder: Path, progress: Progress) -> None:
    if not REQUIREMENTS[engine]:
        write_atomically(folder / "index.json", "[]")
        return
    progress(f"fetching {engine} wheels for {wanted.arch}, {wanted.python_abi}, {wanted.libc}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".fetch-"))
    try:
        _pip_download(engine, wanted, scratch)
        names = []
        for path in sorted(scratch.glob("*.whl")):
            found = file_source(path)
            names.append(
                {
                    "filename": path.name,
                    "sha256": found.sha256,
                    "size_bytes": found.size_bytes,
                }
            )
        (scratch / "index.json").write_text(json.dumps(names, indent=1), encoding="utf-8")
        if not (folder / "index.json").exists():
            shutil.rmtree(folder, ignore_errors=True)
            scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _pip_download(engine: str, wanted: Target, folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:"]
    command += ["--disable-pip-version-check", "--dest", str(folder), "--implementation", "cp"]
    command += ["--python-version", ".".join(map(str, wanted.python_version))]
    for abi in (wanted.python_abi, "abi3", "none"):
        command += ["--abi", abi]
    for tag in platform_tags(wanted):
        command += ["--platform", tag]
    try:
        done = subprocess.run(
            [*command, *REQUIREMENTS[engine]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DOWNLOAD_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as err:
        raise BoardError(f"fetching wheels took over {DOWNLOAD_TIMEOUT_S} s") from err
    if done.returncode == 0:
        return
    text = done.stderr
    last = [line for line in text.splitlines() if line.startswith("ERROR")][-1:] or ["no output"]
    if "No matching distribution" in text or "ResolutionImpossible" in text:
        raise EngineMissing(
            f"no wheel of {engine} fits {wanted.arch}, Python {wanted.python}, {wanted.libc}",
            hint="choose another engine: edgekit engines",
            details={"pip": last[0]},
        )
    raise BoardError(
        f"fetching {engine} wheels failed: {last[0]}",
        hint="is the package index reachable? try: python -m pip download " + engine,
    )


def _cache_key(engine: str, wanted: Target) -> str:
    requirements = ",".join(REQUIREMENTS[engine])
    text = f"{requirements}|{wanted.arch}|{wanted.python_abi}|{wanted.libc}"
    return f"{engine}-{wanted.arch}-{wanted.python_abi}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _engine_version(engine: str, wheels: tuple[Wheel, ...]) -> str:
    if not wheels:
        return "built in"
    wanted = re.split(r"[<>=]", REQUIREMENTS[engine][0])[0].replace("-", "_")
    for wheel in wheels:
        name, version = wheel.filename.split("-")[:2]
        if name.lower() == wanted:
            return version
    raise EngineMissing(f"the wheels of {engine} do not hold {wanted}")
