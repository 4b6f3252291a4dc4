"""Serve artifacts over the Open Inference Protocol."""

from __future__ import annotations

from pathlib import Path

import click

from edgekit.cli.output import Output, output_options


@click.command()
@click.argument("artifacts", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--grpc-port", default=8081, show_default=True, type=click.IntRange(0, 65535))
@click.option("--http-port", default=8080, show_default=True, type=click.IntRange(0, 65535))
@click.option("--threads", default=0, help="Threads of an engine; default: all processors.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1), help="Per model.")
@click.option(
    "--replicas",
    default="",
    help="So many processes per model on Ray Serve; 1-4: as many as the load needs.",
)
@click.option(
    "--ray", default="", help="Ray cluster for --replicas; default: one on this machine."
)
@click.option(
    "--max-batch",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="Compute up to so many samples together, for models that take them.",
)
@click.option(
    "--max-wait", default=0.0, show_default=True, help="Milliseconds to wait for a fuller batch."
)
@click.option(
    "--max-in-flight",
    default=256,
    show_default=True,
    type=click.IntRange(1),
    help="Refuse more requests at a time, per model.",
)
@click.option("--cache", default=0.0, show_default=True, help="Keep answers: so many megabytes.")
@click.option("--cache-ttl", default=300.0, show_default=True, help="And for so many seconds.")
@click.option("--token-file", type=click.Path(path_type=Path), help="Ask for this bearer token.")
@click.option("--tls-cert", type=click.Path(path_type=Path), help="Certificate (PEM): speak TLS.")
@click.option("--tls-key", type=click.Path(path_type=Path), help="And its key (PEM).")
@click.option("--max-body", default=64.0, show_default=True, help="Megabytes of a request.")
@output_options
def command(artifacts: tuple[Path, ...], output: Output, **given: object) -> None:
    """Serve artifacts as a cloud endpoint (KServe, Open Inference Protocol v2) until Ctrl-C.

    Every answer tells how long preparing, waiting, computing and encoding took on the server.
    Metrics for Prometheus are at /metrics of the HTTP port, health at /v2/health/ready.

    \b
    Examples:
      edgekit serve original
      edgekit serve original other --workers 2 --threads 1 --max-in-flight 32
      edgekit serve original --replicas 2 --threads 1
      edgekit serve original --host 0.0.0.0 --token-file token.txt --tls-cert cert.pem --tls-key key.pem
    """
    from edgekit.boards.deploy import load_card
    from edgekit.cli.hosting import serve_until_ended
    from edgekit.cloud.options import ModelOptions
    from edgekit.cloud.server import CloudServer, ServerSettings
    from edgekit.core.errors import ConfigError

    names = [load_card(artifact).name for artifact in artifacts]
    if len(set(names)) < len(names):
        raise ConfigError(
            f"two artifacts are called {max(names, key=names.count)!r}",
            hint="give one another name: edgekit convert MODEL --name other",
        )
    options = ModelOptions(
        threads=int(str(given["threads"])),
        workers=int(str(given["workers"])),
        max_batch=int(str(given["max_batch"])),
        max_wait_ms=float(str(given["max_wait"])),
        max_in_flight=int(str(given["max_in_flight"])),
        cache_mb=float(str(given["cache"])),
        cache_ttl_s=float(str(given["cache_ttl"])),
    )
    paths = {
        name: Path(str(given[name]))
        for name in ("token_file", "tls_cert", "tls_key")
        if given[name]
    }
    settings = ServerSettings(
        host=str(given["host"]),
        grpc_port=int(str(given["grpc_port"])),
        http_port=int(str(given["http_port"])),
        options=options,
        token_file=paths.get("token_file"),
        certificate=paths.get("tls_cert"),
        key=paths.get("tls_key"),
        max_body_mb=float(str(given["max_body"])),
        replicas=_replicas(str(given["replicas"]), str(given["ray"])),
        ray=str(given["ray"]) or "local",
    )
    with CloudServer(*artifacts, settings=settings, progress=output.note) as server:
        document = {
            "models": names,
            "endpoint": server.endpoint,
            "http_endpoint": server.http_endpoint,
        }
        shown = f"serving {', '.join(names)} at {server.endpoint} and {server.http_endpoint}"
        serve_until_ended(server, "the server", document, shown, output)


def _replicas(text: str, ray: str) -> tuple[int, int]:
    """Fewest and most; 0 where none are asked for.

    Raises:
        ConfigError: they are no numbers, or a cluster is named without them.
    """
    from edgekit.core.errors import ConfigError

    if not text:
        if ray:
            raise ConfigError("--ray needs to know how many", hint="--replicas 2")
        return 0, 0
    fewest, _, most = text.partition("-")
    if not fewest.isdecimal() or not (most or fewest).isdecimal():
        raise ConfigError(f"--replicas {text!r}: expected a number", hint="--replicas 2, or 1-4")
    found = int(fewest), int(most or fewest)
    if not 1 <= found[0] <= found[1] <= MOST_REPLICAS:
        raise ConfigError(
            f"--replicas {text!r}: expected 1 to {MOST_REPLICAS}, the smaller number first",
            hint="--replicas 2, or 1-4",
        )
    return found


MOST_REPLICAS = 1000
