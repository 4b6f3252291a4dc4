"""Route requests to a board's service or a cloud endpoint."""

from __future__ import annotations

from pathlib import Path

import click

from edgekit.cli.output import Output, output_options


@click.command()
@click.option("--edge", required=True, help="The board's service: http://127.0.0.1:8390.")
@click.option("--cloud", required=True, help="The endpoint: http(s)://host:port.")
@click.option(
    "--deadline", required=True, type=click.FloatRange(1), help="Milliseconds that an answer has."
)
@click.option(
    "--prefer",
    type=click.Choice(["edge", "cloud", "fastest"]),
    default="edge",
    show_default=True,
    help="Whom to ask first.",
)
@click.option(
    "--edge-in-flight",
    default=2,
    show_default=True,
    type=click.IntRange(1, 10_000),
    help="More requests at a time go to the cloud.",
)
@click.option("--edge-model", default="", help="The model's name there, where it differs.")
@click.option("--cloud-model", default="", help="The model's name there, where it differs.")
@click.option("--ca", type=click.Path(path_type=Path), help="Certificates to trust (PEM).")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8400, show_default=True, type=click.IntRange(0, 65535))
@output_options
def command(
    edge: str, cloud: str, deadline: float, output: Output, ca: Path | None, **given: object
) -> None:
    """Send each request to the board or to the cloud, until Ctrl-C.

    The preferred side is asked first. The other one is asked as well when the answer would else be
    late, and instead when the first is down, overloaded or refuses. Whoever answers first wins.
    Both must take the same request; REST only. Metrics are at /metrics.

    \b
    Examples:
      edgekit route --edge http://127.0.0.1:8390 --cloud http://10.0.0.5:8080 --deadline 200
      edgekit route --edge http://127.0.0.1:8390 --cloud https://models.example.com:443 \\
          --deadline 100 --prefer cloud --cloud-model cats-float
    """
    from edgekit.cli.hosting import serve_until_ended
    from edgekit.cloud.router import Router, RouterSettings, Upstream

    settings = RouterSettings(
        edge=Upstream(edge, str(given["edge_model"]), ca),
        cloud=Upstream(cloud, str(given["cloud_model"]), ca),
        deadline_ms=deadline,
        prefer=str(given["prefer"]),
        edge_in_flight=int(str(given["edge_in_flight"])),
        host=str(given["host"]),
        port=int(str(given["port"])),
    )
    with Router(settings, progress=output.note) as router:
        document = {"endpoint": router.endpoint, "edge": edge, "cloud": cloud}
        shown = f"routing at {router.endpoint}"
        serve_until_ended(router, "the router", document, shown, output)
