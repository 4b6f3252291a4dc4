"""Small real things that tests of several rooms use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from edgekit.convert.work import file_entries
from edgekit.core.artifact import (
    Agreement,
    FileEntry,
    Format,
    ModelArtifact,
    ModelStructure,
    Operation,
    PipelineSpec,
    SourceModel,
    TensorSpec,
)
from edgekit.core.board import BoardFacts
from edgekit.core.estimate import summarize
from edgekit.core.measurement import Condition, Measurement, RunOptions
from edgekit.core.mode import Mode
from edgekit.core.network import CloudTrip, NetworkProfile
from edgekit.core.record import Unavailable, save

STRUCTURE = ModelStructure(
    4_650_000,
    385_000_000,
    60,
    1280,
    (Operation("CONV_2D", 33, 350_000_000, 4_000_000, 9_000_000),),
)
FIBER = NetworkProfile("fiber", "Fibre", 4.0, 0.0, 5000.0, 20000.0, "a test")


def echo_artifact(folder: Path, *, content: str = "x") -> Path:
    """An artifact for the echo engine, which needs no library."""
    folder.mkdir(parents=True, exist_ok=True)
    tensor = [{"name": content, "shape": [1], "dtype": "float32"}]
    (folder / "model.onnx").write_text(json.dumps(tensor))
    card = artifact_card(tensor=content, files=file_entries(folder))
    save(card, folder / "card.json")
    return folder


def artifact_card(*, tensor: str = "x", files: tuple[FileEntry, ...] = ()) -> ModelArtifact:
    """The card of an artifact for the echo engine."""
    spec = TensorSpec(tensor, (1,), "float32")
    return ModelArtifact(
        name="echo-model",
        format=Format.ONNX,
        engine="echo",
        profile="generic-x86-64",
        recipe="float",
        model="model.onnx",
        files=files,
        inputs=(spec,),
        outputs=(spec,),
        source=SourceModel("echo-model", Format.ONNX, "0" * 64, 10),
        size_bytes=10,
        float_size_bytes=10,
        structure=STRUCTURE,
        agreement=Agreement(4, "random inputs", None, 0.0, 1.0),
        accuracy=Unavailable("no data"),
        pipeline=PipelineSpec("tensor"),
        golden=Unavailable("none"),
        steps=(),
        elapsed_s=0.1,
    )


def measurement(
    samples_ns: Mapping[str, tuple[int, ...]] | None = None,
    *,
    threads: int = 2,
    wait_ns: int | Unavailable = 0,
    recipe: str = "int8-static",
    conditions: tuple[Condition, ...] = (),
) -> Measurement:
    """A measurement as run_on_board makes it."""
    if samples_ns is None:
        infer = tuple(1_000_000 + 1000 * (i % 7) for i in range(400))
        samples_ns = {
            "preprocess": (300_000,) * 400,
            "infer": infer,
            "postprocess": (5_000,) * 400,
            "total": tuple(305_100 + value for value in infer),
        }
    count = len(samples_ns["total"])
    return Measurement(
        id="run-00000001",
        board="local",
        profile="raspberrypi-4b",
        app="cats",
        release="0123456789abcdef",
        mode=Mode.MEASURED,
        machine="cortex-a72 (aarch64, 4 processors)",
        engine="litert",
        engine_version="2.3.0",
        engine_details={"threads": str(threads)},
        options=RunOptions("litert", threads, count, 20),
        once_ns={"import": 30_000_000, "load": 6_000_000, "first_inference": 3_000_000},
        samples_ns=samples_ns,
        starts_ns=tuple(range(count)),
        conditions=conditions,
        wait_ns=wait_ns,
        peak_memory_bytes=74_000_000,
        timer_overhead_ns=60,
        validity=(),
        model={"name": "cats", "recipe": recipe, "source_sha256": "a" * 64},
        wall_s=3.0,
        measured_utc="2026-11-24T12:00:00Z",
        runner_version="0.1.0",
    )


def trip(
    total_ms: float, network: NetworkProfile | None = FIBER, *, count: int = 100
) -> CloudTrip:
    """Requests of about that total, with a server that takes 3 ms."""
    total = tuple(int(total_ms * 1e6) + 10_000 * (i % 5) for i in range(count))
    samples = {
        "encode": (350_000,) * count,
        "round_trip": tuple(value - 400_000 for value in total),
        "decode": (50_000,) * count,
        "total": total,
        "server_preprocess": (900_000,) * count,
        "server_queue": (1_000,) * count,
        "server_compute": (3_000_000,) * count,
        "server_encode": (80_000,) * count,
    }
    return CloudTrip(
        id=f"trip-{network.id if network else 'direct'}",
        endpoint="grpc://127.0.0.1:8081",
        model_name="cats",
        model={
            "name": "cats",
            "recipe": "float",
            "source_sha256": "a" * 64,
            "payload": "jpeg",
        },
        network=network,
        origin="host",
        mode=Mode.EMULATED if network else Mode.MEASURED,
        up_bytes=(15_000,) * count,
        down_bytes=(4_100,) * count,
        once_ns={"connect": 4_000_000},
        samples_ns=samples,
        starts_ns=tuple(range(count)),
        summaries={name: summarize(values) for name, values in samples.items()},
        validity=(),
        measured_utc="2026-11-24T12:00:00Z",
    )


def board_facts() -> BoardFacts:
    """What a Raspberry Pi 4 says about itself."""
    return BoardFacts(
        hostname="pi",
        arch="aarch64",
        kernel_arch="aarch64",
        kernel="6.6",
        os_name="Debian 12",
        libc="glibc-2.36",
        python="3.11.2",
        python_abi="cp311",
        cpu_model="cortex-a72",
        cpu_features=("asimd",),
        cpu_count=4,
        ram_mb=4000,
        ram_available_mb=3000,
        disk_free_mb=10_000,
        board_model="Raspberry Pi 4 Model B",
        governor="ondemand",
        clock_mhz=1500.0,
        max_clock_mhz=1800.0,
        temperature_c=50.0,
        throttled="0x0",
        engines={},
        probed_utc="2026-11-24T12:00:00Z",
        elapsed_ms=9.0,
    )
