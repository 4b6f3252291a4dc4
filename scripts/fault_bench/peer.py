"""EdgeLens on the same faults, as a black box in its own environment."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

from edgekit.toolenvs.environment import cache_folder, ensure
from edgekit.toolenvs.pins import ToolEnvironment
from fault_bench.faults import BUSY, Fault, Subject
from fault_bench.injecting import fewer_cores, hogs

EDGELENS = ToolEnvironment(
    name="peer-edgelens",
    purpose="EdgeLens, a peer in benchmarks",
    requirements=("edgelens==0.1.0", "onnxruntime==1.32.0", "numpy==2.4.6"),
    size_mb=250,
)
ITERATIONS = "200"
CANNOT = "cannot be put to it"
STAGES = """
import numpy
import onnxruntime
exec({busy!r})
session = onnxruntime.InferenceSession({model!r}, providers=["CPUExecutionProvider"])
spec = session.get_inputs()[0]
raw = numpy.random.default_rng(0).standard_normal([d if isinstance(d, int) else 1 for d in spec.shape]).astype("float32")

def build_stage_fns():
    return {{
        "capture": lambda context=None: raw,
        "preprocess": lambda value=None: preprocess(raw),
        "inference": lambda value=None: session.run(None, {{spec.name: raw}}),
        "postprocess": lambda value=None: postprocess(session.run(None, {{spec.name: raw}}) if value is None else value),
    }}
"""


def ask_peer(subject: Subject, fault: Fault) -> str:
    """The first type that it names, or why it could not be asked."""
    if subject.engine != "onnxruntime" or fault.clock_share:
        return CANNOT
    if any(name.startswith("engine_option") or name == "threads" for name in fault.run):
        return CANNOT
    python = ensure(EDGELENS)
    program = str(python.with_name("edgelens"))
    side = fault.side or subject.side
    model = cache_folder() / "fault-bench" / f"{subject.kind}-{side}.onnx"
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        saved = folder / "b.json"
        argv = [program, "benchmark", "--iterations", ITERATIONS, "--save", str(saved)]
        if fault.before_ms or fault.after_ms:
            busy = BUSY.format(before=fault.before_ms / 1e3, after=fault.after_ms / 1e3)
            script = folder / "stages.py"
            script.write_text(STAGES.format(busy=busy, model=str(model)), encoding="utf-8")
            argv += ["--pipeline", str(script)]
        else:
            argv += ["--model", str(model)]
        if "rate_hz" in fault.run:
            argv += ["--period-ms", str(1e3 / float(fault.run["rate_hz"])), "--pace"]
            argv[argv.index(ITERATIONS)] = "20"
        with fewer_cores(fault.cores), hogs(fault.hogs):
            done = _run(argv, folder)
        if done:
            return done
        done = _run([program, "diagnose", str(saved)], folder)
        if done:
            return done
        found = json.loads((folder / "b.diagnosis.json").read_text(encoding="utf-8"))
    return first_type(found)


def first_type(document: object) -> str:
    """The first value of a key ``type`` (or ``verdict``) in its JSON."""
    if isinstance(document, dict):
        for key in ("type", "verdict"):
            if isinstance(document.get(key), str):
                return str(document[key])
        for value in document.values():
            found = first_type(value)
            if found:
                return found
    if isinstance(document, list):
        for value in document:
            found = first_type(value)
            if found:
                return found
    return ""


def _run(argv: list[str], folder: Path) -> str:
    """Empty when it ended well, else its last words."""
    done = subprocess.run(
        argv, cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode == 0:
        return ""
    words = (done.stderr or done.stdout).strip().splitlines()
    return f"failed: {words[-1][:60] if words else done.returncode}"
