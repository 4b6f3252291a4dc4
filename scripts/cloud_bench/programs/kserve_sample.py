"""KServe's SDK as its own documentation uses it: an echo model behind its ModelServer.

Prints one JSON line with the ports once both answer; ends when stdin closes.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from typing import Any

from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer


class Echo(Model):  # type: ignore[misc]  # kserve is not typed here
    """Gives back what it gets."""

    def __init__(self) -> None:
        super().__init__("echo")
        self.ready = True

    def predict(
        self, payload: InferRequest, headers: Any = None, response_headers: Any = None
    ) -> InferResponse:
        """One request."""
        given = payload.inputs[0]
        output = InferOutput("y", list(given.shape), given.datatype)
        output.set_data_from_numpy(given.as_numpy(), binary_data=True)
        return InferResponse(payload.id or "0", "echo", [output])


def free_port() -> int:
    """A port that nobody has now."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def announce(ports: dict[str, int], to: int) -> None:
    """Says the ports once both accept connections."""
    for port in ports.values():
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                break
            except OSError:
                time.sleep(0.05)
    os.write(to, (json.dumps(ports) + "\n").encode())


def end_with_stdin() -> None:
    """Ends the process when whoever started it is gone."""
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    announce_to = os.dup(1)
    os.dup2(2, 1)
    chosen = {"port": free_port(), "http_port": free_port()}
    threading.Thread(target=announce, args=(chosen, announce_to), daemon=True).start()
    threading.Thread(target=end_with_stdin, daemon=True).start()
    ModelServer(http_port=chosen["http_port"], grpc_port=chosen["port"]).start([Echo()])
