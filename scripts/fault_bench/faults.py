"""Faults: what is injected, how, and which rule has to name it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

BUSY = """
import time
import numpy

def spend(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass

def preprocess(raw):
    spend({before})
    return numpy.array(raw)

def postprocess(outputs):
    spend({after})
    return int(outputs[0].argmax())
"""
"""A pipeline of the user's that takes as long as it is told: the injected time is known."""


@dataclass(frozen=True)
class Subject:
    """A model with an engine and the settings it runs with when nothing is wrong."""

    name: str
    kind: str
    """Of network: convolutions, dense, copies."""
    side: int
    engine: str
    threads: int


@dataclass(frozen=True)
class Fault:
    """One cause of lag."""

    id: str
    title: str
    rules: tuple[str, ...]
    """Any of them in the first place is right."""
    run: Mapping[str, str] = field(default_factory=dict)
    """Settings of the run, as experiments write them."""
    side: int = 0
    """Another input than the subject's own."""
    hogs: int = 0
    """Processes that compute beside it."""
    cores: tuple[int, ...] = ()
    """Processors that the board is left with."""
    before_ms: float = 0.0
    after_ms: float = 0.0
    """Spent by the pipeline."""
    clock_share: float = 0.0
    """Clock that is left, written into the record with the samples stretched by it."""
    governor: str = ""
    peer_types: tuple[str, ...] = ()
    """What EdgeLens calls it; empty where it has no word for it."""


@dataclass(frozen=True)
class CloudFault:
    """One cause of lag on the way to an endpoint, or there."""

    id: str
    title: str
    rules: tuple[str, ...]
    rtt_ms: float = 2.0
    up_kbit_s: float = 0.0
    loss_share: float = 0.0
    payload: str = "tensor"
    concurrency: int = 1
    max_batch: int = 1
    max_wait_ms: float = 0.0
    is_scored: bool = True
    """False where the fault is in the tail and the median says nothing about it."""


SUBJECTS = (
    # both take longer than a slice of the scheduler: neighbours show in the median of such ones only
    Subject("convolutions", "convolutions", 384, "onnxruntime", 1),
    Subject("dense", "dense", 2048, "openvino", 1),
)
COPIES = Subject("copies", "copies", 1024, "openvino", 1)
PICTURE = Subject("picture", "convolutions", 224, "onnxruntime", 1)
PICTURE_OPENVINO = Subject("picture", "convolutions", 224, "openvino", 1)

EDGE = (
    Fault("hogs", "two computing processes", ("software-contention",), hogs=2),
    Fault("neighbour", "four computing processes", ("software-contention",), hogs=4),
    Fault(
        "one-core",
        "the board is left with one processor",
        ("software-threads", "software-contention"),
        run={"threads": "2"},
        cores=(0,),
    ),
    Fault("oversubscribed", "16 threads", ("software-threads",), run={"threads": "16"}),
    Fault(
        "preprocess",
        "5 ms of preprocessing",
        ("software-pipeline",),
        before_ms=5.0,
        peer_types=("CPU_BOUND_PREPROCESS",),
    ),
    Fault("postprocess", "5 ms of postprocessing", ("software-pipeline",), after_ms=5.0),
    Fault("paced", "five inferences per second", ("software-idle",), run={"rate_hz": "5"}),
    Fault(
        "throttled",
        "the clock falls to 60 %",
        ("hardware-throttling",),
        clock_share=0.6,
        peer_types=("THERMAL",),
    ),
    Fault(
        "powersave",
        "a governor that keeps half of the clock",
        ("hardware-governor",),
        clock_share=0.5,
        governor="powersave",
        peer_types=("CLOCKS_NOT_PINNED",),
    ),
)
UNFUSED = Fault(
    "unfused",
    "graph optimization off",
    ("software-graph",),
    run={"engine_option.optimization": "off"},
)
COPIED = Fault(
    "copied",
    "12.6 MB of input, copied",
    ("software-copies",),
    peer_types=("MEMORY_TRANSFER_BOUND",),
)
OVERSIZED = Fault("oversized", "448 x 448 in place of 224 x 224", ("model-resolution",), side=448)
CLOUD = (
    CloudFault("json", "numbers as JSON", ("software-encoding",), payload="json"),
    CloudFault("distance", "a round trip of 60 ms", ("software-network",), rtt_ms=60.0),
    CloudFault("uplink", "5 Mbit/s up", ("software-transfer",), up_kbit_s=5000.0),
    CloudFault("queue", "eight clients at a time", ("software-server-queue",), concurrency=8),
    CloudFault(
        "batch-wait",
        "the server waits 30 ms for a batch",
        ("software-server-batching",),
        max_batch=8,
        max_wait_ms=30.0,
    ),
    CloudFault(
        "loss",
        "3 % of segments lost",
        ("software-loss",),
        loss_share=0.03,
        is_scored=False,
    ),
)


def edge_cases() -> tuple[tuple[Subject, Fault], ...]:
    """Every fault on the board with every subject that it can meet."""
    found = [(subject, fault) for fault in EDGE for subject in SUBJECTS]
    found += [(SUBJECTS[0], UNFUSED), (COPIES, COPIED)]
    found += [(PICTURE, OVERSIZED), (PICTURE_OPENVINO, OVERSIZED)]
    return tuple(found)


def cloud_cases() -> tuple[tuple[Subject, CloudFault], ...]:
    """Every fault on the way to an endpoint with every subject."""
    return tuple((subject, fault) for fault in CLOUD for subject in SUBJECTS)
