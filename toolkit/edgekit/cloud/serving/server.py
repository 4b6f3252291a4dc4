"""Serves artifact folders over the Open Inference Protocol v2 (gRPC and REST) on KServe's SDK.

``python -m edgekit.cloud.serving.server SETTINGS`` prints one JSON line with the ports once it
answers, and ends when stdin closes. SETTINGS is JSON: folders, host, grpc_port, http_port (0
chooses one), options (see `ModelOptions`), and optionally token_file, certificate, key,
max_body_bytes, and for replicas on Ray Serve replicas ([fewest, most]) and ray (an address, or
``local``).

Every answer tells where its time went: parameters ``server_preprocess_ns``, ``server_queue_ns``,
``server_batch_wait_ns``, ``server_compute_ns`` and ``server_encode_ns``.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn
from kserve.model_repository import ModelRepository
from kserve.protocol.dataplane import DataPlane

from edgekit import __version__
from edgekit.cloud.options import ModelOptions
from edgekit.cloud.serving import rest, rpc
from edgekit.cloud.serving.model import EndpointModel, ServedModel, find_model

ENDINGS: list[Callable[[], None]] = []
"""What has to be done before the process ends."""


class Plane(DataPlane):  # type: ignore[misc]  # kserve is not typed here
    """KServe's data plane, which says what this server is and offers."""

    def metadata(self) -> dict[str, Any]:  # Any: JSON
        """The server's name, version and extensions of the protocol."""
        return {"name": "edgekit", "version": __version__, "extensions": ["binary_tensor_data"]}

    def get_model(self, name: str) -> EndpointModel:
        """The model of that name; where there is none, it says which there are."""
        return find_model(self, name)


def main(arguments: list[str]) -> None:
    """Serves until stdin closes."""
    settings = json.loads(arguments[0])
    announce_to = os.dup(1)
    os.dup2(2, 1)  # the libraries' own chatter goes to the log
    logging.disable(logging.INFO)
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    asyncio.run(_serve(settings, announce_to))


async def _serve(settings: dict[str, Any], announce_to: int) -> None:  # Any: JSON
    host = settings["host"]
    listener = listen(host, settings["http_port"])
    _require_free(host, settings["grpc_port"])
    access = _access(settings)
    registry = ModelRepository()
    options = ModelOptions(**settings["options"])
    for model in await asyncio.to_thread(_models, settings, options):
        registry.update(model)
    plane = Plane(model_registry=registry)
    _, grpc_port = await rpc.start(plane, host, settings["grpc_port"], access)
    config = uvicorn.Config(
        rest.make_app(plane, access),
        log_config=None,
        access_log=False,
        ssl_certfile=str(access.certificate) if access.certificate else None,
        ssl_keyfile=str(access.key) if access.key else None,
        lifespan="off",
    )
    ports = {"port": grpc_port, "http_port": listener.getsockname()[1]}
    os.write(announce_to, (json.dumps(ports) + "\n").encode())
    await uvicorn.Server(config).serve(sockets=[listener])


def _models(settings: dict[str, Any], options: ModelOptions) -> list[EndpointModel]:  # Any: JSON
    folders = [Path(folder) for folder in settings["folders"]]
    if not settings.get("replicas"):
        return [ServedModel(folder, options) for folder in folders]
    from edgekit.cloud.serving.replicas import Cluster  # Ray is in an environment of its own

    cluster = Cluster(settings["ray"], settings["replicas"], len(folders))
    ENDINGS.append(cluster.close)
    return [cluster.deploy(folder, options) for folder in folders]


def _access(settings: dict[str, Any]) -> rpc.Access:  # Any: JSON
    token = settings.get("token_file")
    certificate, key = settings.get("certificate"), settings.get("key")
    return rpc.Access(
        Path(token).read_text(encoding="utf-8").strip() if token else "",
        Path(certificate) if certificate else None,
        Path(key) if key else None,
        settings.get("max_body_bytes", rpc.Access.max_body_bytes),
    )


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; ends the process with a sentence when the address cannot be used."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=1024)
        # connections inherit it: else the end of an answer waits 40 ms for a delayed acknowledgement
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as err:
        sys.exit(f"{host}:{port} cannot be used: {err.strerror}")


def _require_free(host: str, port: int) -> None:
    """Ends the process when somebody has the port: gRPC's own message does not say why."""
    if port:
        listen(host, port).close()


def _end_with_stdin() -> None:
    """Ends the process when whoever started it is gone."""
    while sys.stdin.read(1):
        pass
    for end in ENDINGS:
        end()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
