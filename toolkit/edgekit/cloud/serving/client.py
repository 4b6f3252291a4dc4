"""Times requests to an Open Inference Protocol v2 endpoint over gRPC.

request  {"folder": artifact folder whose golden vectors are sent, "model_name": NAME,
          "payload": "tensor"|"picture"|"jpeg", "trips": [{"id", "host", "port"}], "runs": N,
          "warmup_runs": N, "max_duration_s": S, "timeout_s": S}
reply    {"trips": {ID: {"once_ns": {...}, "samples_ns": {...}, "starts_ns": [...],
          "up_bytes": [N], "down_bytes": [N]}}}

Trips are interleaved in blocks, so that a disturbance of the machine meets all of them alike.
A request starts with the decoded picture (or the recorded input) and ends with the answer's
arg-max, as on the board.
"""

from __future__ import annotations

import io
import socket
import time
from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc import grpc_predict_v2_pb2_grpc as rpc

from edgekit.core.errors import EndpointFailed
from edgekit_runner.engines.contract import Tensor
from edgekit_runner.samples import Release, preprocess

clock = time.perf_counter_ns

BLOCK_RUNS = 10
CHANNEL_TIMEOUT_S = 20
JPEG_QUALITY = 90
SERVER_PHASES = ("server_preprocess", "server_queue", "server_compute", "server_encode")
DATATYPES = {
    "float32": "FP32",
    "float16": "FP16",
    "int8": "INT8",
    "uint8": "UINT8",
    "int32": "INT32",
    "int64": "INT64",
}
NUMPY = {kind: name for name, kind in DATATYPES.items()} | {"FP64": "float64", "BOOL": "bool"}


@dataclass
class Trip:
    """One network's connection with its samples."""

    id: str
    stub: Any  # Any: a generated stub
    once_ns: dict[str, int]
    samples_ns: dict[str, list[int]] = field(default_factory=dict)
    starts_ns: list[int] = field(default_factory=list)
    spent_ns: int = 0
    up_bytes: list[int] = field(default_factory=list)
    down_bytes: list[int] = field(default_factory=list)

    def forget(self) -> None:
        """Drops what was measured so far."""
        for values in (self.samples_ns, self.starts_ns, self.up_bytes, self.down_bytes):
            values.clear()


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the module's docstring."""
    release = Release(request["folder"])
    encoder = Encoder(release, request["payload"], request["model_name"])
    trips = [_open(item, request) for item in request["trips"]]
    for trip in trips:
        started = clock()
        _send(trip, encoder, 0, request["timeout_s"])
        trip.once_ns["first_request"] = clock() - started
        for i in range(request["warmup_runs"]):
            _send(trip, encoder, i, request["timeout_s"])
        trip.forget()
    begin = clock()
    pending = list(trips)
    while pending:
        for trip in list(pending):
            if _block(trip, encoder, request, begin):
                pending.remove(trip)
    return {
        "trips": {
            trip.id: {
                "once_ns": trip.once_ns,
                "samples_ns": trip.samples_ns,
                "starts_ns": trip.starts_ns,
                "up_bytes": trip.up_bytes,
                "down_bytes": trip.down_bytes,
            }
            for trip in trips
        }
    }


class Encoder:
    """Makes the requests' messages."""

    def __init__(self, release: Release, payload: str, model_name: str) -> None:
        self.release = release
        self.payload = payload
        self.model_name = model_name
        self.specs = release.card["inputs"]
        self.count = max(release.sample_count, 1)
        self.pictures = [release.raw_image(i) for i in range(release.sample_count)]
        self.tensors = [release.tensors(i, "in") for i in range(release.sample_count)]
        if payload != "tensor" and (not self.pictures or self.pictures[0] is None):
            raise EndpointFailed(f"the artifact has no pictures to send as {payload}")

    def message(self, i: int) -> Any:  # Any: a protobuf message
        """The request for one sample."""
        position = i % self.count
        message = pb.ModelInferRequest(model_name=self.model_name, id=str(i))
        for spec, array in zip(self.specs, self._arrays(position), strict=False):
            tensor = message.inputs.add()
            tensor.name = spec["name"]
            if isinstance(array, bytes):
                tensor.datatype = "BYTES"
                tensor.shape.extend([1])
                message.raw_input_contents.append(len(array).to_bytes(4, "little") + array)
            else:
                tensor.datatype = DATATYPES[array.dtype.name]
                tensor.shape.extend(array.shape)
                message.raw_input_contents.append(array.tobytes())
        return message

    def _arrays(self, position: int) -> list[Any]:  # Any: arrays, or JPEG bytes
        if self.payload == "tensor":
            picture = self.pictures[position]
            if picture is None:
                return [array.copy() for array in self.tensors[position]]
            spec = self.specs[0]
            scheme = spec.get("quantization") or {"scale": 0.0, "zero_point": 0}
            tensor = Tensor(
                spec["name"],
                tuple(spec["shape"]),
                spec["dtype"],
                scheme["scale"],
                scheme["zero_point"],
            )
            return [preprocess(picture, self.release.card["pipeline"], tensor)]
        if self.payload == "picture":
            return [self.pictures[position]]
        from PIL import Image

        buffer = io.BytesIO()
        Image.fromarray(self.pictures[position]).save(buffer, "JPEG", quality=JPEG_QUALITY)
        return [buffer.getvalue()]


def _open(item: dict[str, Any], request: dict[str, Any]) -> Trip:  # Any: JSON
    once: dict[str, int] = {}
    started = clock()
    try:
        family, _, _, _, address = socket.getaddrinfo(
            item["host"], item["port"], type=socket.SOCK_STREAM
        )[0]
        once["resolve"] = clock() - started
        started = clock()
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.settimeout(request["timeout_s"])
            probe.connect(address)
        once["connect"] = clock() - started
    except OSError as err:
        raise EndpointFailed(
            f"no endpoint answers at {item['host']}:{item['port']}: {err}",
            hint="is it running? edgekit serve ARTIFACT starts one",
        ) from err
    options = [("grpc.max_receive_message_length", 1 << 28)]
    channel = grpc.insecure_channel(f"{item['host']}:{item['port']}", options=options)
    started = clock()
    try:
        grpc.channel_ready_future(channel).result(timeout=CHANNEL_TIMEOUT_S)
    except grpc.FutureTimeoutError as err:
        raise EndpointFailed(
            f"{item['host']}:{item['port']} does not speak gRPC",
            hint="give the gRPC port of an Open Inference Protocol v2 server",
        ) from err
    once["channel"] = clock() - started
    return Trip(item["id"], rpc.GRPCInferenceServiceStub(channel), once)


def _block(trip: Trip, encoder: Encoder, request: dict[str, Any], begin: int) -> bool:
    """A block of requests; True when the trip has enough."""
    limit_ns = request["max_duration_s"] * 1e9
    for _ in range(BLOCK_RUNS):
        count = len(trip.starts_ns)
        if count >= request["runs"] or (count > 0 and trip.spent_ns >= limit_ns):
            return True
        started = clock()
        trip.starts_ns.append(started - begin)
        _send(trip, encoder, count, request["timeout_s"])
        trip.spent_ns += clock() - started
    return False


def _send(trip: Trip, encoder: Encoder, i: int, timeout_s: float) -> None:
    t0 = clock()
    message = encoder.message(i)
    t1 = clock()
    try:
        answer = trip.stub.ModelInfer(message, timeout=timeout_s)
    except grpc.RpcError as err:
        raise EndpointFailed(
            f"the endpoint refused the request: {err.code().name}: {str(err.details())[:300]}",
            hint="does it serve the model under this name? --model-name",
        ) from err
    t2 = clock()
    outputs = [
        numpy.frombuffer(raw, dtype=NUMPY[tensor.datatype]).reshape(tuple(tensor.shape))
        for tensor, raw in zip(answer.outputs, answer.raw_output_contents, strict=False)
    ]
    if outputs:
        outputs[0].argmax()
    t3 = clock()
    phases = {"encode": t1 - t0, "round_trip": t2 - t1, "decode": t3 - t2, "total": t3 - t0}
    for name in SERVER_PHASES:
        if f"{name}_ns" in answer.parameters:
            phases[name] = int(answer.parameters[f"{name}_ns"].int64_param)
    for name, value in phases.items():
        trip.samples_ns.setdefault(name, []).append(value)
    trip.up_bytes.append(message.ByteSize())
    trip.down_bytes.append(answer.ByteSize())
