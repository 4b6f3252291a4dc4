"""Feeds damaged model files to inspect and convert: the tool must neither crash nor hang.

``make bench-fuzz`` makes small real models in every format, damages them in seeded ways, runs each
through ``edgekit inspect`` and a conversion, and writes the section of docs/benchmarks.md. A fork
server per tool environment keeps a run at minutes. A finding is kept in fuzz-findings/.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import statistics
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmark_page import table, write_section
from edgekit.convert.converting import convert
from edgekit.convert.inspection import READABLE, inspect_model
from edgekit.convert.request import ConvertRequest
from edgekit.core.artifact import Format
from edgekit.core.errors import ConvertError, EdgekitError
from edgekit.toolenvs.environment import cache_folder
from edgekit.toolenvs.fork_servers import fork_servers
from edgekit.toolenvs.worker import Limits, limited
from fuzz_mutations import mutate
from fuzz_seeds import make_seeds

IMPORTS = {
    "onnx": ("numpy", "onnx", "onnxruntime", "ai_edge_litert.interpreter", "openvino"),
    "tensorflow": ("keras", "tensorflow"),
    "torch": ("torch", "litert_torch"),
}
TIME_LIMIT_S = 60.0
MEMORY_LIMIT_BYTES = 3_000_000_000
HANG_S = 300.0
"""A file that takes longer than all its workers' limits together."""
FINDINGS = Path("fuzz-findings")
INSPECTED = {Format.TFLITE.value, Format.ONNX.value, Format.OPENVINO.value}


@dataclass(frozen=True)
class Outcome:
    """What the tool said to one damaged file."""

    kind: str
    mutation: str
    verdict: str
    """made, refused, contained (a worker died and that was said), limit, crash, hang or litter."""
    elapsed_s: float
    message: str = ""


def main() -> int:
    """Runs the bench; 1 when there is a finding."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--kinds", default="", help="only these formats, separated by commas")
    parser.add_argument("--messages", action="store_true", help="show the commonest messages")
    parser.add_argument("--no-page", action="store_true", help="leave docs/benchmarks.md alone")
    options = parser.parse_args()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="edgekit-fuzz-") as folder:
        seeds = make_seeds(Path(folder) / "seeds")
        if options.kinds:
            seeds = [seed for seed in seeds if seed.kind in options.kinds.split(",")]
        cases = mutate(seeds, Path(folder) / "cases", options.files, options.seed)
        with own_cache(Path(folder) / "cache"), fork_servers(IMPORTS):
            limits = Limits(TIME_LIMIT_S, MEMORY_LIMIT_BYTES)
            with limited(limits), ThreadPoolExecutor(options.at_once) as pool:
                outcomes = []
                for outcome in pool.map(lambda case: try_file(*case), cases):
                    outcomes.append(outcome)
                    if len(outcomes) % 50 == 0:
                        _say(outcomes, len(cases))
    if options.messages:
        for text, count in Counter(_pattern(o) for o in outcomes).most_common(40):
            print(f"{count:5} {text}", file=sys.stderr)
    findings = [o for o in outcomes if o.verdict in ("crash", "hang", "litter")]
    for finding in findings:
        print(f"FINDING {finding.kind} {finding.mutation}: {finding.verdict}: {finding.message}")
    elapsed_s = time.perf_counter() - started
    print(render(outcomes, elapsed_s))
    if not options.no_page:
        write_section("fuzz", "Damaged model files", render(outcomes, elapsed_s))
    return 1 if findings else 0


def try_file(kind: str, mutation: str, path: Path) -> Outcome:
    """Inspects and converts one file as the commands do."""
    started = time.perf_counter()
    out = path.parent / "out"
    verdict, message = "made", ""
    try:
        if kind in INSPECTED:
            try:
                inspect_model(path)
            except ConvertError as err:
                verdict, message = _refusal(err), err.message
        convert(_request(kind, path), out, fresh=True)
    except EdgekitError as err:
        verdict, message = _refusal(err), err.message
        if out.exists():
            verdict, message = "litter", f"{out.name} exists after: {err.message}"
    except BaseException as err:  # noqa: BLE001  whatever else gets here is what is looked for
        verdict, message = "crash", "".join(traceback.format_exception(err))[-1500:]
    elapsed_s = time.perf_counter() - started
    if elapsed_s > HANG_S:
        verdict, message = "hang", f"{elapsed_s:.0f} s"
    if verdict in ("crash", "hang", "litter"):
        FINDINGS.mkdir(exist_ok=True)
        shutil.copytree(path.parent, FINDINGS / f"{kind}-{path.parent.name}", dirs_exist_ok=True)
    shutil.rmtree(path.parent, ignore_errors=True)
    return Outcome(kind, mutation, verdict, elapsed_s, message)


def _pattern(outcome: Outcome) -> str:
    """A message without what differs from file to file."""
    text = re.sub(r"/\S+", "PATH", outcome.message.splitlines()[0] if outcome.message else "")
    return f"{outcome.kind}: {outcome.verdict}: {re.sub(r'[0-9]+', 'N', text)[:150]}"


def _request(kind: str, path: Path) -> ConvertRequest:
    engine = {"openvino": "openvino", "tflite": "litert"}.get(kind, "onnxruntime")
    return ConvertRequest(path, "generic-x86-64", recipe="float", engine=engine)


def _refusal(err: EdgekitError) -> str:
    if "did not end within" in err.message or "of memory, allowed" in err.message:
        return "limit"
    return "contained" if "ended with signal" in err.message else "refused"


def render(outcomes: list[Outcome], elapsed_s: float) -> str:
    """The section: verdicts by format and by kind of damage."""
    verdicts = ["made", "refused", "contained", "limit", "crash", "hang", "litter"]
    heads = ["format", "files", *verdicts, "median s", "longest s"]
    rows = []
    for kind in [*dict.fromkeys(sorted(o.kind for o in outcomes)), "all"]:
        group = [o for o in outcomes if kind in (o.kind, "all")]
        counts = Counter(o.verdict for o in group)
        times = [o.elapsed_s for o in group]
        rows.append(
            [
                kind,
                str(len(group)),
                *(str(counts[v]) for v in verdicts),
                f"{statistics.median(times):.2f}",
                f"{max(times):.1f}",
            ]
        )
    damages = Counter(o.mutation for o in outcomes)
    kinds = ", ".join(f"{name} {count}" for name, count in damages.most_common())
    return (
        f"{len(outcomes)} damaged files through `inspect` (TFLite, ONNX, IR) and `convert --recipe float` "
        f"in {elapsed_s / 60:.1f} minutes. *made*: the damage did no harm; *refused*: one clear error, exit code "
        "4; *contained*: a converter died and the error says so; *limit*: a converter was ended at "
        f"{TIME_LIMIT_S:.0f} s or {MEMORY_LIMIT_BYTES / 1e9:.0f} GB; *crash*, *hang* and *litter* (a "
        f"half-written folder) are bugs of edgekit.\n\n{table(heads, rows)}\n\nDamage: {kinds}."
    )


def _say(outcomes: list[Outcome], total: int) -> None:
    counts = Counter(o.verdict for o in outcomes)
    shown = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
    print(f"{len(outcomes)} of {total}: {shown}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def own_cache(folder: Path) -> Iterator[None]:
    """A cache of its own that shares the tool environments: thousands of artifacts would stay."""
    real = cache_folder()
    folder.mkdir()
    (folder / "envs").symlink_to(real / "envs")
    os.environ["EDGEKIT_CACHE_DIR"] = str(folder)
    try:
        yield
    finally:
        os.environ["EDGEKIT_CACHE_DIR"] = str(real)


assert {kind.value for kind in READABLE} == INSPECTED

if __name__ == "__main__":
    sys.exit(main())
