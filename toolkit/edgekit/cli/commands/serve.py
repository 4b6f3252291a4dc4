"""Serve an artifact over the Open Inference Protocol."""

from __future__ import annotations

from pathlib import Path

import click

from edgekit.cli.output import Output, output_options


@click.command()
@click.argument("artifact", type=click.Path(path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--grpc-port", default=8081, show_default=True, type=click.IntRange(0, 65535))
@click.option("--http-port", default=8080, show_default=True, type=click.IntRange(0, 65535))
@click.option("--threads", default=0, help="Threads of the engine; default: all processors.")
@output_options
def command(
    artifact: Path, host: str, grpc_port: int, http_port: int, threads: int, output: Output
) -> None:
    """Serve an artifact as a cloud endpoint (KServe, Open Inference Protocol v2) until Ctrl-C.

    Every answer tells how long preparing, waiting, computing and encoding took on the server.

    \b
    Examples:
      edgekit serve original
      edgekit serve original --host 0.0.0.0 --grpc-port 8081 --threads 4
    """
    from edgekit.boards.deploy import load_card
    from edgekit.cloud.server import CloudServer
    from edgekit.core.errors import EndpointFailed

    card = load_card(artifact)
    server = CloudServer(
        artifact,
        host=host,
        grpc_port=grpc_port,
        http_port=http_port,
        threads=threads,
        progress=output.note,
    )
    with server:
        document = {"model": card.name, "endpoint": server.endpoint, "http_port": http_port}
        output.data(document, f"serving {card.name} at {server.endpoint}; Ctrl-C ends it")
        code = server.wait()
    raise EndpointFailed(f"the server ended by itself with exit code {code}")
