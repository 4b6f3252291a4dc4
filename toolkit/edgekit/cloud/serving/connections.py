"""Connections to an endpoint, gRPC and REST with one contract."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import grpc
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc import grpc_predict_v2_pb2_grpc as stubs

from edgekit_runner import oip

clock = time.perf_counter_ns
READY_S = 10.0
"""A server that accepts connections and has not spoken gRPC by then is none."""
REASONS = {
    grpc.StatusCode.DEADLINE_EXCEEDED: oip.TIMEOUT,
    grpc.StatusCode.RESOURCE_EXHAUSTED: oip.OVERLOADED,
    grpc.StatusCode.UNAVAILABLE: oip.UNREACHABLE,
    grpc.StatusCode.CANCELLED: oip.BROKEN,
}


@dataclass(frozen=True)
class Exchange:
    """A request that was answered."""

    outputs: list[oip.Tensor]
    told: dict[str, Any]  # Any: JSON
    """What the server said beside the outputs."""
    phases_ns: dict[str, int]
    """message, round_trip, and of it, over REST, send, wait, receive; parse."""
    sizes: Callable[[], tuple[int, int]]
    """Bytes up and down: protobuf writes a whole message to tell its size, so not while timing."""


class Connection(Protocol):
    """What both kinds offer."""

    once_ns: dict[str, int]

    def exchange(self, model: str, inputs: list[oip.Tensor], request_id: str) -> Exchange:
        """One request.

        Raises:
            RequestFailed: there is no good answer.
        """

    def describe(self, model: str) -> Any:  # Any: JSON
        """The model's metadata; None when the endpoint has none."""

    def models(self) -> Any:  # Any: JSON
        """The endpoint's models; None when it does not list them."""

    def ping_ns(self) -> int | None:
        """What the smallest exchange takes; None when the endpoint does not answer to it."""

    def close(self) -> None:
        """Ends the connection."""


def connect(protocol: str, endpoint: oip.Endpoint, timeout_s: float) -> Connection:
    """A connection over ``grpc`` or ``rest``.

    Raises:
        RequestFailed: nobody answers there.
    """
    kind = GrpcConnection if protocol == "grpc" else RestConnection
    return kind(endpoint, timeout_s)


class RestConnection:
    """HTTP through the client that boards use as well."""

    def __init__(self, endpoint: oip.Endpoint, timeout_s: float) -> None:
        self.connection = oip.Connection(endpoint, timeout_s)
        self.once_ns = self.connection.once_ns

    def exchange(self, model: str, inputs: list[oip.Tensor], request_id: str) -> Exchange:
        """One request."""
        started = clock()
        message = self.connection.encode(model, inputs, request_id)
        ready = clock()
        reply = self.connection.send(message)
        answered = clock()
        outputs, told = oip.decode(reply)
        phases = {"message": ready - started, "round_trip": answered - ready}
        phases |= reply.phases_ns | {"parse": clock() - answered}
        sizes = len(message.body), len(reply.body)
        return Exchange(outputs, told, phases, lambda: sizes)

    def describe(self, model: str) -> Any:  # Any: JSON
        """The model's metadata."""
        return self.connection.describe(model)

    def models(self) -> Any:  # Any: JSON
        """The endpoint's models."""
        return self.connection.models()

    def ping_ns(self) -> int | None:
        """What asking for its health takes."""
        started = clock()
        answer = self.connection.get("/v2/health/live")
        spent = clock() - started
        return None if answer is None else spent

    def close(self) -> None:
        """Ends the connection."""
        self.connection.close()


class GrpcConnection:
    """A channel of its own, so that connections do not share one."""

    def __init__(self, endpoint: oip.Endpoint, timeout_s: float) -> None:
        self.endpoint = endpoint
        self.timeout_s = timeout_s
        probe, self.once_ns = oip.reach(endpoint, timeout_s, ("h2",))
        probe.close()
        options: list[tuple[str, Any]] = [  # Any: numbers and texts
            ("grpc.max_receive_message_length", oip.LARGEST_ANSWER_BYTES),
            ("grpc.enable_retries", 0),
            ("grpc.use_local_subchannel_pool", 1),
        ]
        if endpoint.server_name:
            options.append(("grpc.ssl_target_name_override", endpoint.server_name))
        address = f"{endpoint.host}:{endpoint.port}"
        if ":" in endpoint.host:
            address = f"[{endpoint.host}]:{endpoint.port}"
        if endpoint.is_tls:
            roots = Path(endpoint.ca_file).read_bytes() if endpoint.ca_file else None
            credentials = grpc.ssl_channel_credentials(roots)
            self.channel = grpc.secure_channel(address, credentials, options=options)
        else:
            self.channel = grpc.insecure_channel(address, options=options)
        started = clock()
        try:
            ready_s = min(timeout_s, READY_S)
            grpc.channel_ready_future(self.channel).result(timeout=ready_s)
        except grpc.FutureTimeoutError as err:
            self.channel.close()
            text = f"{address} does not speak gRPC"
            raise oip.RequestFailed(oip.BROKEN, text) from err
        self.once_ns["channel"] = clock() - started
        self.stub = stubs.GRPCInferenceServiceStub(self.channel)
        self.metadata = [("authorization", f"Bearer {endpoint.token}")] if endpoint.token else None

    def exchange(self, model: str, inputs: list[oip.Tensor], request_id: str) -> Exchange:
        """One request."""
        started = clock()
        message = pb.ModelInferRequest(model_name=model, id=request_id)
        for tensor in inputs:
            entry = message.inputs.add()
            entry.name, entry.datatype = tensor.name, tensor.datatype
            entry.shape.extend(tensor.shape)
            message.raw_input_contents.append(tensor.data)
        ready = clock()
        try:
            answer = self.stub.ModelInfer(message, timeout=self.timeout_s, metadata=self.metadata)
        except grpc.RpcError as err:
            reason = REASONS.get(err.code(), oip.REFUSED)
            details = " ".join(str(err.details()).split())[:300]
            raise oip.RequestFailed(reason, f"{err.code().name}: {details}") from err
        answered = clock()
        outputs = _outputs(answer)
        told = {name: _value(value) for name, value in answer.parameters.items()}
        phases = {"message": ready - started, "round_trip": answered - ready}
        phases["parse"] = clock() - answered
        return Exchange(outputs, told, phases, lambda: (message.ByteSize(), answer.ByteSize()))

    def describe(self, model: str) -> Any:  # Any: JSON
        """The model's metadata."""
        try:
            found = self.stub.ModelMetadata(
                pb.ModelMetadataRequest(name=model),
                timeout=self.timeout_s,
                metadata=self.metadata,
            )
        except grpc.RpcError:
            return None
        return {
            "inputs": [
                {"name": one.name, "datatype": one.datatype, "shape": list(one.shape)}
                for one in found.inputs
            ]
        }

    def ping_ns(self) -> int | None:
        """What asking for its health takes."""
        started = clock()
        try:
            self.stub.ServerLive(pb.ServerLiveRequest(), timeout=self.timeout_s)
        except grpc.RpcError:
            return None
        return clock() - started

    def models(self) -> Any:  # Any: JSON
        """Nothing: the protocol has no list of models over gRPC."""
        return None

    def close(self) -> None:
        """Ends the channel."""
        self.channel.close()


def _outputs(answer: Any) -> list[oip.Tensor]:  # Any: protobuf
    if len(answer.raw_output_contents) != len(answer.outputs):
        raise oip.RequestFailed(oip.BROKEN, "the answer's outputs have no raw contents")
    return [
        oip.Tensor(output.name, output.datatype, tuple(output.shape), raw)
        for output, raw in zip(answer.outputs, answer.raw_output_contents, strict=True)
    ]


def _value(parameter: Any) -> Any:  # Any: protobuf, a scalar
    return getattr(parameter, parameter.WhichOneof("parameter_choice") or "string_param")
