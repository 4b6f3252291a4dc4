"""The protocol over gRPC: raw tensors in and out, with the token and the certificate asked for."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from kserve.errors import InvalidInput
from kserve.protocol.dataplane import DataPlane
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc import grpc_predict_v2_pb2_grpc as stubs
from kserve.protocol.grpc.interceptors import ExceptionToStatusInterceptor
from kserve.protocol.grpc.servicer import InferenceServicer
from kserve.protocol.model_repository_extension import ModelRepositoryExtension

from edgekit.cloud.serving.model import Answer, EndpointModel, clock, find_model
from edgekit.cloud.serving.tensors import DATATYPES, Incoming

OPEN_METHODS = ("/ServerLive", "/ServerReady")
"""What a load balancer may ask without a token."""
CONTENTS = (
    "fp32_contents",
    "fp64_contents",
    "int_contents",
    "int64_contents",
    "uint_contents",
    "uint64_contents",
    "bool_contents",
    "bytes_contents",
)


@dataclass(frozen=True)
class Access:
    """Who may ask, and how."""

    token: str = ""
    certificate: Path | None = None
    key: Path | None = None
    max_body_bytes: int = 64 << 20

    def allows(self, given: str) -> bool:
        """Whether an ``authorization`` header opens the door."""
        return not self.token or hmac.compare_digest(given, f"Bearer {self.token}")


class Servicer(InferenceServicer):  # type: ignore[misc]  # kserve is not typed here
    """KServe's servicer with a direct way from raw bytes to the engine."""

    def __init__(self, plane: DataPlane) -> None:
        super().__init__(plane, ModelRepositoryExtension(model_registry=plane.model_registry))

    async def ModelInfer(self, request: Any, context: Any) -> Any:  # noqa: N802  Any: protobuf, grpc
        """One request."""
        self.validate_grpc_request(request)
        model = find_model(self._data_plane, request.model_name)
        answer = await model.answer([_incoming(request, i) for i in range(len(request.inputs))])
        return _message(model, request, answer)


def _incoming(request: Any, i: int) -> Incoming:  # Any: protobuf
    tensor = request.inputs[i]
    if request.raw_input_contents:
        raw, values = request.raw_input_contents[i], None
    else:
        raw = None
        filled = [values for name in CONTENTS if (values := getattr(tensor.contents, name))]
        values = list(filled[0]) if filled else []
    return Incoming(tensor.name, tensor.datatype, tuple(tensor.shape), raw, values)


def _message(model: EndpointModel, request: Any, answer: Answer) -> Any:  # Any: protobuf
    started = clock()
    wanted = {output.name for output in request.outputs}
    unknown = wanted - {tensor.name for tensor in model.outputs}
    if unknown:
        raise InvalidInput(f"{model.name} has no output {sorted(unknown)[0]!r}")
    message = pb.ModelInferResponse(model_name=model.name, id=request.id)
    for tensor, array in zip(model.outputs, answer.outputs, strict=True):
        if wanted and tensor.name not in wanted:
            continue
        output = message.outputs.add()
        output.name = tensor.name
        output.datatype = DATATYPES[array.dtype.name]
        output.shape.extend(array.shape)
        message.raw_output_contents.append(array.tobytes())
    for phase, spent_ns in answer.times_ns.items():
        message.parameters[f"server_{phase}_ns"].int64_param = spent_ns
    message.parameters["batch_rows"].int64_param = answer.batch_rows
    message.parameters["cached"].bool_param = answer.is_cached
    message.parameters["server_encode_ns"].int64_param = clock() - started
    return message


class TokenInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[misc]  # grpc is not typed
    """Refuses requests without the token."""

    def __init__(self, access: Access) -> None:
        self.access = access

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], details: Any
    ) -> Any:  # Any: grpc
        """Lets a call through, or answers UNAUTHENTICATED."""
        headers = dict(details.invocation_metadata)
        if details.method.endswith(OPEN_METHODS) or self.access.allows(
            str(headers.get("authorization", ""))
        ):
            return await continuation(details)
        return grpc.unary_unary_rpc_method_handler(_refuse)


async def _refuse(request: Any, context: Any) -> None:  # Any: grpc
    await context.abort(grpc.StatusCode.UNAUTHENTICATED, "a valid token is needed")


async def start(plane: DataPlane, host: str, port: int, access: Access) -> tuple[Any, int]:
    """The running server and its port.

    Raises:
        OSError: the address cannot be used.
    """
    options = [
        ("grpc.max_receive_message_length", access.max_body_bytes),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", 0),
    ]
    interceptors = [ExceptionToStatusInterceptor()]
    if access.token:
        interceptors.insert(0, TokenInterceptor(access))
    server = grpc.aio.server(interceptors=interceptors, options=options)
    stubs.add_GRPCInferenceServiceServicer_to_server(Servicer(plane), server)
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if access.certificate and access.key:
        pair = (access.key.read_bytes(), access.certificate.read_bytes())
        bound = server.add_secure_port(address, grpc.ssl_server_credentials([pair]))
    else:
        bound = server.add_insecure_port(address)
    await server.start()
    return server, int(bound)
