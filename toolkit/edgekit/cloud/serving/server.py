"""Serves an artifact folder over the Open Inference Protocol v2 (gRPC and REST) with KServe.

``python -m edgekit.cloud.serving.server FOLDER [--host H] [--http-port N] [--grpc-port N]
[--threads N]`` prints one JSON line with the gRPC port once it answers, and ends when stdin closes.

Every answer tells where its time went: parameters ``server_preprocess_ns``, ``server_compute_ns``
and ``server_encode_ns``.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import logging
import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy
from kserve import Model, ModelServer
from kserve.protocol.infer_type import InferOutput, InferRequest, InferResponse

from edgekit_runner import engines
from edgekit_runner.samples import preprocess

DATATYPES = {
    "float32": "FP32",
    "float16": "FP16",
    "float64": "FP64",
    "int8": "INT8",
    "uint8": "UINT8",
    "int16": "INT16",
    "int32": "INT32",
    "int64": "INT64",
    "bool": "BOOL",
}
"""numpy to Open Inference Protocol. Source: its specification, tensor data types."""


class EngineModel(Model):  # type: ignore[misc]  # kserve is not typed here
    """A model in one of our engines; pictures (uint8 or JPEG) are prepared here."""

    def __init__(self, folder: Path, threads: int) -> None:
        self.card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
        super().__init__(self.card["name"])
        engine = "litert" if self.card["format"] == "tflite" else self.card["engine"]
        path = str(folder / self.card["model"])
        self.session = engines.find_engine(engine).load(path, threads)
        self.lock = threading.Lock()
        self.ready = True

    def load(self) -> bool:
        """It is loaded when it is made."""
        return True

    # Any: kserve's own
    def predict(self, payload: InferRequest, headers: Any = None, **options: Any) -> InferResponse:
        """One request."""
        started = time.perf_counter_ns()
        inputs = self._inputs(payload)
        prepared = time.perf_counter_ns()
        with self.lock:
            entered = time.perf_counter_ns()
            arrays = self.session.run(inputs)
            computed = time.perf_counter_ns()
        outputs = []
        for tensor, array in zip(self.session.outputs, arrays, strict=True):
            kind = DATATYPES[array.dtype.name]
            output = InferOutput(name=tensor.name, shape=list(array.shape), datatype=kind)
            output.set_data_from_numpy(array, binary_data=True)
            outputs.append(output)
        ended = time.perf_counter_ns()
        return InferResponse(
            response_id=payload.id or "",
            model_name=self.name,
            infer_outputs=outputs,
            use_binary_outputs=True,
            parameters={
                "server_preprocess_ns": prepared - started,
                "server_queue_ns": entered - prepared,
                "server_compute_ns": computed - entered,
                "server_encode_ns": ended - computed,
            },
        )

    def _inputs(self, payload: InferRequest) -> list[Any]:  # Any: arrays
        first = payload.inputs[0]
        pipeline = self.card["pipeline"]
        if first.datatype == "BYTES":
            return [preprocess(_decode(first, pipeline), pipeline, self.session.inputs[0])]
        arrays = [tensor.as_numpy() for tensor in payload.inputs]
        is_picture = first.datatype == "UINT8" and self.session.inputs[0].dtype != "uint8"
        if is_picture and pipeline["kind"] == "image":
            shape = (pipeline["height"], pipeline["width"], 3)
            return [preprocess(arrays[0].reshape(shape), pipeline, self.session.inputs[0])]
        return arrays


def _decode(tensor: Any, pipeline: dict[str, Any]) -> Any:  # Any: kserve's InferInput, arrays
    from PIL import Image

    data = tensor.as_numpy().ravel()[0]
    with Image.open(io.BytesIO(bytes(data))) as image:
        picture = image.convert("RGB")
        if picture.size != (pipeline["width"], pipeline["height"]):
            picture = picture.resize((pipeline["width"], pipeline["height"]))
        return numpy.asarray(picture)


def free_port(host: str, wanted: int) -> int:
    """The wanted port, or any when it is 0; ends the process when somebody has it."""
    try:
        with socket.create_server((host, wanted)) as probe:
            return int(probe.getsockname()[1])
    except OSError as err:
        sys.exit(f"{host}:{wanted} cannot be used: {err.strerror}")


def announce(host: str, port: int) -> None:
    """Says the port as soon as the server accepts connections."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
            continue
        os.write(announce_to, (json.dumps({"port": port}) + "\n").encode())
        return


def end_with_stdin() -> None:
    """Ends the process when whoever started it is gone."""
    while sys.stdin.read(1):
        pass
    os._exit(0)


announce_to = 1


def main(arguments: list[str]) -> None:
    """Serves until stdin closes."""
    global announce_to  # noqa: PLW0603  set once, before threads start
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--http-port", type=int, default=0)
    parser.add_argument("--grpc-port", type=int, default=0)
    parser.add_argument("--threads", type=int, default=0)
    options = parser.parse_args(arguments)
    announce_to = os.dup(1)
    os.dup2(2, 1)  # the server's own chatter goes to the log
    logging.disable(logging.INFO)
    grpc_port = free_port(options.host, options.grpc_port)
    http_port = free_port(options.host, options.http_port)
    model = EngineModel(options.folder, options.threads or len(os.sched_getaffinity(0)))
    threading.Thread(target=end_with_stdin, daemon=True).start()
    threading.Thread(target=announce, args=(options.host, grpc_port), daemon=True).start()
    asyncio.set_event_loop(asyncio.new_event_loop())
    server = ModelServer(
        http_port=http_port, grpc_port=grpc_port, enable_latency_logging=False, workers=1
    )
    server.start([model])


if __name__ == "__main__":
    main(sys.argv[1:])
