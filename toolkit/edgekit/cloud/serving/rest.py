"""The protocol over REST: JSON and the binary tensor extension, metrics and health.

Metadata and health are KServe's own routes; inference goes straight from the body's bytes to the
engine, because validating half a million numbers one by one takes longer than computing with them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import numpy
import orjson
from fastapi import FastAPI, Request, Response
from fastapi.responses import ORJSONResponse
from grpc_interceptor.exceptions import GrpcException, ResourceExhausted
from kserve import errors
from kserve.protocol.dataplane import DataPlane
from kserve.protocol.rest.v2_endpoints import V2Endpoints
from prometheus_client import REGISTRY, exposition

from edgekit import __version__
from edgekit.cloud.serving.model import Answer, EndpointModel, clock, find_model
from edgekit.cloud.serving.rest_schema import (
    METRICS,
    OF_INFERENCE,
    OF_MODELS,
    OF_SERVER,
    errors_of,
    infer_schema,
    name_models,
)
from edgekit.cloud.serving.rpc import Access
from edgekit.cloud.serving.tensors import DATATYPES, Incoming

JSON_SIZE = "inference-header-content-length"
"""Length of the JSON part before binary tensors. Source: the protocol's binary data extension."""
KINDS = {str: "text", list: "list", dict: "object", int: "whole number"}
OPEN_PATHS = ("/v2/health/live", "/v2/health/ready")


def make_app(plane: DataPlane, access: Access) -> FastAPI:
    """The application with all routes."""
    app = FastAPI(title="edgekit serve", version=__version__, redoc_url=None, docs_url=None)

    async def infer(model_name: str, request: Request) -> Response:
        model = find_model(plane, model_name)
        body = await request.body()
        document, tensors = parse(body, request.headers.get(JSON_SIZE))
        answer = await model.answer(tensors)
        return respond(model, document, answer)

    app.add_api_route(
        "/v2/models/{model_name}/infer",
        infer,
        methods=["POST"],
        responses=errors_of(*OF_INFERENCE),
        openapi_extra=infer_schema(),
    )
    app.add_api_route(
        "/metrics", _metrics, methods=["GET"], response_class=Response, responses=METRICS
    )
    known = V2Endpoints(plane)  # loading and unloading over the network is not offered
    for path, endpoint, statuses in (
        ("", known.metadata, OF_SERVER),
        ("/health/live", known.live, OF_SERVER),
        ("/health/ready", known.ready, OF_SERVER),
        ("/models", known.models, OF_SERVER),
        ("/models/{model_name}", known.model_metadata, OF_MODELS),
        ("/models/{model_name}/ready", known.model_ready, OF_MODELS),
    ):
        app.add_api_route(f"/v2{path}", endpoint, methods=["GET"], responses=errors_of(*statuses))
    for kind, status in STATUS.items():
        app.add_exception_handler(kind, _handler(status))
    app.add_middleware(Guard, access=access)
    name_models(app, list(plane.model_registry.get_models()))
    return app


def parse(
    body: bytes, json_size: str | None
) -> tuple[dict[str, Any], list[Incoming]]:  # Any: JSON
    """The request's JSON part and its inputs.

    Raises:
        InvalidInput: it is not a request of the protocol.
    """
    try:
        size = len(body) if json_size is None else int(json_size)
        if not 0 <= size <= len(body):
            raise ValueError(f"{JSON_SIZE} is {size}, the body has {len(body)} bytes")
        document = orjson.loads(body[:size])
        _require_kinds(document)
        at, tensors = size, []
        for item in document["inputs"]:
            tensor = _incoming(item, body, at)
            at += 0 if tensor.raw is None else len(tensor.raw)
            tensors.append(tensor)
    except KeyError as err:
        raise errors.InvalidInput(f"the request has no {err.args[0]!r}") from err
    except (ValueError, TypeError, AttributeError) as err:
        raise errors.InvalidInput(f"the request cannot be read: {err}") from err
    return document, tensors


def _require_kinds(document: Any) -> None:  # Any: JSON
    for name, kind in (("id", str), ("outputs", list), ("parameters", dict)):
        if document.get(name) is not None:
            _typed(document, name, kind)
    for item in document.get("outputs") or ():
        _typed(item, "name", str)
    _typed(document, "inputs", list)


def _incoming(item: Any, body: bytes, at: int) -> Incoming:  # Any: JSON
    """An input whose bytes, when it has any, begin at a position of the body."""
    raw, shape = None, _typed(item, "shape", list)
    if any(type(length) is not int for length in shape):
        raise TypeError(f"'shape' is {shape}")
    if "data" in item:
        _typed(item, "data", list)
    else:
        count = _typed(item["parameters"], "binary_data_size", int)
        if count < 0 or at + count > len(body):
            raise ValueError(f"input {item['name']!r} is longer than the body")
        raw = memoryview(body)[at : at + count]
    name, datatype = _typed(item, "name", str), _typed(item, "datatype", str)
    return Incoming(name, datatype, tuple(shape), raw, item.get("data"))


def _typed(document: Any, name: str, kind: type) -> Any:  # Any: JSON
    """A field that has to be there and of a kind."""
    value = document[name]
    if not isinstance(value, kind):
        raise TypeError(f"{name!r} is no {KINDS[kind]}")
    return value


def respond(
    model: EndpointModel, document: dict[str, Any], answer: Answer
) -> Response:  # Any: JSON
    """The answer: binary where it was asked for, JSON otherwise.

    Raises:
        InvalidInput: an output is asked for that the model does not have.
    """
    started = clock()
    asked = {str(o["name"]): o.get("parameters") or {} for o in document.get("outputs") or ()}
    unknown = set(asked) - {tensor.name for tensor in model.outputs}
    if unknown:
        raise errors.InvalidInput(f"{model.name} has no output {sorted(unknown)[0]!r}")
    parameters = document.get("parameters") or {}
    default = bool(parameters.get("binary_data_output", False))
    outputs, blobs = [], []
    for tensor, array in zip(model.outputs, answer.outputs, strict=True):
        if asked and tensor.name not in asked:
            continue
        entry: dict[str, Any] = {  # Any: JSON
            "name": tensor.name,
            "datatype": DATATYPES[array.dtype.name],
            "shape": list(array.shape),
        }
        if asked.get(tensor.name, {}).get("binary_data", default):
            blobs.append(array.tobytes())
            entry["parameters"] = {"binary_data_size": len(blobs[-1])}
        else:
            flat = array.ravel()
            entry["data"] = flat.astype("float32") if flat.dtype == numpy.float16 else flat
        outputs.append(entry)
    told: dict[str, Any] = {f"server_{k}_ns": v for k, v in answer.times_ns.items()}  # Any: JSON
    told |= {"batch_rows": answer.batch_rows, "cached": answer.is_cached}
    told["server_encode_ns"] = clock() - started
    reply = {"model_name": model.name, "outputs": outputs, "parameters": told}
    if document.get("id"):
        reply["id"] = str(document["id"])
    text = orjson.dumps(reply, option=orjson.OPT_SERIALIZE_NUMPY)
    if not blobs:
        return Response(text, media_type="application/json")
    headers = {JSON_SIZE: str(len(text))}
    return Response(
        b"".join((text, *blobs)), media_type="application/octet-stream", headers=headers
    )


async def _metrics(request: Request) -> Response:
    """Prometheus' text form."""
    encoder, kind = exposition.choose_encoder(request.headers.get("accept"))
    return Response(encoder(REGISTRY), media_type=None, headers={"content-type": kind})


class Guard:
    """Token and size of the body are looked at before anything is read."""

    def __init__(self, app: Any, access: Access) -> None:  # Any: ASGI
        self.app = app
        self.access = access

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # Any: ASGI
        """Forwards a request, or answers it."""
        if scope["type"] == "http":
            refusal = self._refusal(scope)
            if refusal is not None:
                await refusal(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _refusal(self, scope: Any) -> Response | None:  # Any: ASGI
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        if scope["path"] not in OPEN_PATHS and not self.access.allows(
            headers.get(b"authorization", "")
        ):
            return _error(401, "a valid token is needed", {"www-authenticate": "Bearer"})
        size = headers.get(b"content-length", "")
        if scope["method"] == "POST" and not size.isdecimal():
            return _error(411, "a content-length is needed")
        encoding = headers.get(b"content-encoding", "identity")
        if encoding != "identity":
            return _error(415, f"content-encoding {encoding} is not taken; send the body as it is")
        if size.isdecimal() and int(size) > self.access.max_body_bytes:
            limit = self.access.max_body_bytes
            return _error(413, f"the body has {size} bytes, at most {limit} are taken")
        return None


STATUS: dict[type[Exception], int] = {
    errors.InvalidInput: 400,
    errors.ModelNotFound: 404,
    errors.ModelNotReady: 503,
    errors.ServerNotReady: 503,
    NotImplementedError: 404,  # a version of a model
    ResourceExhausted: 429,
    GrpcException: 500,
}


def _handler(status: int) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handle(request: Request, err: Exception) -> Response:
        message = getattr(err, "details", None) or getattr(err, "reason", None) or str(err)
        return _error(status, message, {"retry-after": "1"} if status == 429 else {})

    return handle


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    return ORJSONResponse({"error": message}, status, headers)
