"""The tensors of some requests, for a board that sends them itself.

request  {"folder": artifact folder, "payload": "tensor"|"picture"|"jpeg", "limit_bytes": N}
reply    {"requests": [[{"name", "datatype", "shape", "data": BASE64}]], "payload_bytes": {...}}
"""

from __future__ import annotations

import base64
from typing import Any

from edgekit.cloud.serving.payload import Payload
from edgekit_runner.samples import Release


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """As many recorded samples as stay below the limit, at least one."""
    payload = Payload(Release(request["folder"]), request["payload"])
    staged: list[list[dict[str, Any]]] = []  # Any: JSON
    size = 0
    for i in range(payload.count):
        tensors = payload.inputs(i)
        size += sum(len(tensor.data) for tensor in tensors)
        if staged and size > request["limit_bytes"]:
            break
        staged.append(
            [
                {
                    "name": tensor.name,
                    "datatype": tensor.datatype,
                    "shape": list(tensor.shape),
                    "data": base64.b64encode(tensor.data).decode("ascii"),
                }
                for tensor in tensors
            ]
        )
    return {"requests": staged, "payload_bytes": payload.sizes()}
