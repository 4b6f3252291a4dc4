"""An endpoint as one writes it in an afternoon: FastAPI, pydantic and ONNX Runtime, JSON only.

``python plain_fastapi.py MODEL PORT`` answers the protocol's inference route under the name echo.
"""

from __future__ import annotations

import sys

import numpy
import onnxruntime
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel


class Tensor(BaseModel):
    """An input or output."""

    name: str
    shape: list[int]
    datatype: str
    data: list[float]


class Request(BaseModel):
    """What comes in."""

    id: str = ""
    inputs: list[Tensor]


app = FastAPI()
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])


@app.get("/v2/health/ready")  # type: ignore[untyped-decorator]  # fastapi is not typed here
def ready() -> dict[str, bool]:
    """Health."""
    return {"ready": True}


@app.post("/v2/models/echo/infer")  # type: ignore[untyped-decorator]  # as above
def infer(request: Request) -> dict[str, object]:
    """One request."""
    given = request.inputs[0]
    array = numpy.array(given.data, dtype="float32").reshape(given.shape)
    (found,) = session.run(None, {session.get_inputs()[0].name: array})
    output = {
        "name": "y",
        "shape": list(found.shape),
        "datatype": "FP32",
        "data": found.ravel().tolist(),
    }
    return {"model_name": "echo", "id": request.id, "outputs": [output]}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="error")
