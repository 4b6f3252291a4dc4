"""Runs beside tritonclient: asks a server of ours over gRPC and HTTP, prints what came back."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy
import tritonclient.grpc as over_grpc
import tritonclient.http as over_http
from tritonclient.utils import InferenceServerException


def main(host: str, grpc_port: str, http_port: str, model: str) -> None:
    """Every check as one JSON document."""
    found: dict[str, Any] = {}  # Any: JSON
    picture = numpy.random.default_rng(0).random((1, 3, 16, 16)).astype("float32")
    grpc = over_grpc.InferenceServerClient(f"{host}:{grpc_port}")
    http = over_http.InferenceServerClient(f"{host}:{http_port}")
    for name, client in (("grpc", grpc), ("http", http)):
        found[f"{name}_health"] = [
            client.is_server_live(),
            client.is_server_ready(),
            client.is_model_ready(model),
        ]
    found["metadata"] = [
        json.loads(json.dumps(http.get_model_metadata(model))),
        {"name": grpc.get_model_metadata(model).name},
    ]
    found["server"] = [grpc.get_server_metadata().name, http.get_server_metadata()["name"]]
    answers = {
        "grpc": ask_grpc(grpc, model, picture),
        "gzip": ask_grpc(grpc, model, picture, "gzip"),
    }
    for up in (True, False):
        for down in (True, False):
            answers[f"http {up} {down}"] = ask_http(http, model, picture, up, down)
    found["answers"] = {name: answer.tolist() for name, answer in answers.items()}
    found["refusals"] = {
        "model": refusal(lambda: ask_grpc(grpc, "nett", picture)),
        "http model": refusal(lambda: ask_http(http, "nett", picture, True, True)),
        "shape": refusal(lambda: ask_grpc(grpc, model, picture[:, :, :8])),
        "type": refusal(lambda: ask_http(http, model, picture.astype("int8"), True, True)),
        "output": refusal(lambda: ask_grpc(grpc, model, picture, output="other")),
        "compressed": refusal(lambda: ask_http(http, model, picture, True, True, "gzip")),
    }
    print(json.dumps(found))


def ask_grpc(
    client: Any, model: str, array: Any, compression: str | None = None, output: str = "scores"
) -> Any:
    """The scores over gRPC."""
    given = over_grpc.InferInput("image", array.shape, TYPES[array.dtype.name])
    given.set_data_from_numpy(array)
    wanted = [over_grpc.InferRequestedOutput(output)]
    answer = client.infer(model, [given], outputs=wanted, compression_algorithm=compression)
    return answer.as_numpy("scores")


def ask_http(
    client: Any, model: str, array: Any, up: bool, down: bool, compression: str | None = None
) -> Any:
    """The scores over HTTP; up and down tell whether tensors travel as bytes."""
    given = over_http.InferInput("image", array.shape, TYPES[array.dtype.name])
    given.set_data_from_numpy(array, binary_data=up)
    wanted = [over_http.InferRequestedOutput("scores", binary_data=down)]
    options = {"request_compression_algorithm": compression}
    return client.infer(model, [given], outputs=wanted, **options).as_numpy("scores")


def refusal(ask: Any) -> str:
    """What the client was told."""
    try:
        ask()
    except InferenceServerException as err:
        return f"{err.status()}: {err.message()}"
    return "answered"


TYPES = {"float32": "FP32", "int8": "INT8"}

if __name__ == "__main__":
    main(*sys.argv[1:])
