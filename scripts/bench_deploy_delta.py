"""How much of a model goes over the wire when it was fine-tuned: differences beside other tools.

Trains a network on the digits of scikit-learn, fine-tunes it gently, then trains on at the full rate;
exports all three and makes the difference from the first to each of the others. Beside it, on the same
files: gzip, and `zstd --patch-from`, `xdelta3` and `rsync` where they are installed.
"""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmark_page import table, write_section
from edgekit.boards.difference import make_difference
from edgekit.boards.tensor_map import find_tensors
from edgekit.core.units import format_bytes
from edgekit.toolenvs.environment import ensure
from edgekit_runner import delta

WORKER = Path(__file__).resolve().parent / "delta_bench" / "train_pair.py"
FORMS = ("int8.tflite", "fp16.tflite", "float.tflite", "float.onnx")
VERSIONS = {"tuned": "fine-tuned, rate 1e-5", "retrained": "trained on, rate 1e-3"}
HEADS = [
    "model",
    "change",
    "size",
    "ours",
    "gzip",
    "zstd --patch-from",
    "xdelta3",
    "rsync",
    "made in",
]


def main() -> int:
    """Measures and writes the section; 1 when a difference does not give the file."""
    folder = Path(tempfile.mkdtemp(prefix="edgekit-delta-"))
    try:
        train(folder)
        rows = [measure(folder, form, version) for form in FORMS for version in VERSIONS]
    finally:
        shutil.rmtree(folder)
    print("\n".join("  ".join(row) for row in rows))
    write_section(
        "deploy-delta",
        "What goes over the wire when a model was trained on",
        "Bytes to send in per cent of the file, smaller is better; a real network (1.1 million weights) "
        "on the digits of scikit-learn. A difference that is not below 90 % is not used: the file goes "
        "as it is. Every difference was applied by the board's code and gave the same file.\n\n"
        + table(HEADS, rows),
    )
    return 0


def train(folder: Path) -> None:
    """Makes the three versions in the tool environment."""
    import numpy
    from sklearn.datasets import load_digits

    digits = load_digits()
    numpy.savez(folder / "digits.npz", x=digits.images, y=digits.target)
    python = ensure("tensorflow", progress=print)
    argv = [str(python), str(WORKER), str(folder / "digits.npz"), str(folder)]
    environment = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3", TF_USE_LEGACY_KERAS="0")
    subprocess.run(
        argv, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def measure(folder: Path, form: str, version: str) -> list[str]:
    """A line of the table."""
    old_path, new_path = folder / f"base-{form}", folder / f"{version}-{form}"
    old, new = old_path.read_bytes(), new_path.read_bytes()
    assert find_tensors(old), form
    started = time.perf_counter()
    difference = make_difference(old, new)
    made_s = time.perf_counter() - started
    packed = folder / "difference"
    packed.write_bytes(difference)
    delta.apply(str(old_path), str(packed), str(folder / "again"), len(new))
    assert (folder / "again").read_bytes() == new

    def share(size: int | None) -> str:
        return "-" if size is None else f"{size / len(new):.1%}"

    sizes = [
        len(difference),
        len(gzip.compress(new, 6)),
        output_size(["zstd", "-19", "-q", "-c", "--patch-from", str(old_path), str(new_path)]),
        output_size(["xdelta3", "-9", "-e", "-c", "-s", str(old_path), str(new_path)]),
        rsync_bytes(folder, old_path, new_path),
    ]
    return [
        form,
        VERSIONS[version],
        format_bytes(len(new)),
        *map(share, sizes),
        f"{made_s:.2f} s",
    ]


def output_size(argv: list[str]) -> int | None:
    """Bytes that a tool writes; None when it is not installed."""
    if not shutil.which(argv[0]):
        return None
    return len(subprocess.run(argv, check=True, capture_output=True).stdout)


def rsync_bytes(folder: Path, old: Path, new: Path) -> int | None:
    """Bytes that rsync's algorithm sends for a changed file; None when it is not installed."""
    if not shutil.which("rsync"):
        return None
    there = folder / "there"
    shutil.copyfile(old, there)
    argv = [
        "rsync",
        "--no-whole-file",
        "--inplace",
        "--ignore-times",
        "--stats",
        str(new),
        str(there),
    ]
    text = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    for line in text.splitlines():
        if line.startswith("Literal data:"):
            return int(line.split()[2].replace(",", ""))
    return None


if __name__ == "__main__":
    sys.exit(main())
