"""The OpenAPI document of the REST side: what requests, answers and errors look like.

Source: https://github.com/kserve/open-inference-protocol, open_inference_rest.yaml.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI

Schema = dict[str, Any]  # Any: JSON

NAME: Schema = {"type": "string"}
SHAPE: Schema = {"type": "array", "items": {"type": "integer"}}
PARAMETERS: Schema = {"type": "object"}
INPUT: Schema = {
    "type": "object",
    "required": ["name", "shape", "datatype"],
    "properties": {
        "name": NAME,
        "shape": SHAPE,
        "datatype": {"type": "string"},
        "data": {"type": "array", "items": {}},
        "parameters": PARAMETERS,
    },
}
REQUEST: Schema = {
    "type": "object",
    "required": ["inputs"],
    "properties": {
        "id": {"type": "string"},
        "inputs": {"type": "array", "items": INPUT},
        "outputs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": NAME, "parameters": PARAMETERS},
            },
        },
        "parameters": PARAMETERS,
    },
}
ANSWER: Schema = {
    "type": "object",
    "required": ["model_name", "outputs", "parameters"],
    "properties": {
        "model_name": NAME,
        "id": {"type": "string"},
        "outputs": {"type": "array", "items": INPUT},
        "parameters": PARAMETERS,
    },
}
ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string"}},
}
SAID = {
    400: "The request is not what the model takes.",
    401: "A valid token is needed.",
    404: "There is no such model, or no such version.",
    411: "A content-length is needed.",
    413: "The body is too large.",
    415: "The body's encoding is not taken.",
    429: "Too many requests are in flight.",
    503: "The model or the server is not ready.",
}
OF_INFERENCE = (400, 401, 404, 411, 413, 415, 429, 503)
OF_MODELS = (401, 404, 503)
OF_SERVER = (401, 503)


def errors_of(*statuses: int) -> dict[int | str, Schema]:
    """The error answers of a route."""
    content = {"application/json": {"schema": ERROR}}
    return {status: {"description": SAID[status], "content": content} for status in statuses}


def infer_schema() -> Schema:
    """What goes into the inference route beside what its function says."""
    json_or_binary = {
        "application/json": {"schema": ANSWER},
        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
    }
    return {
        "requestBody": {"required": True, "content": {"application/json": {"schema": REQUEST}}},
        "responses": {200: {"description": "The outputs.", "content": json_or_binary}},
    }


METRICS: dict[int | str, Schema] = {
    200: {
        "description": "Prometheus' text form.",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
}


def name_models(app: FastAPI, names: Sequence[str]) -> None:
    """Says in the document which models there are."""
    document = app.openapi()
    for path in document["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)  # a name is text, whatever it is
            for parameter in operation.get("parameters", ()):
                if parameter["name"] == "model_name":
                    parameter["schema"] = {"type": "string", "enum": sorted(names)}
    app.openapi_schema = document
