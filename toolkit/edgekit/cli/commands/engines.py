"""List the inference engines and what they run."""

from __future__ import annotations

import click

from edgekit.cli.output import Output, output_options, table


@click.command()
@output_options
def command(output: Output) -> None:
    """List the inference engines: formats, packages, what to know before choosing one.

    \b
    Examples:
      edgekit engines
      edgekit engines --json
    """
    from edgekit_runner import engines

    found = [engines.find_engine(name) for name in engines.names()]
    rows = [
        (e.NAME, e.TITLE, ", ".join(e.FORMATS), ", ".join(e.DISTRIBUTIONS) or "built in", e.NOTE)
        for e in found
    ]
    documents = [
        {
            "name": e.NAME,
            "title": e.TITLE,
            "formats": list(e.FORMATS),
            "distributions": list(e.DISTRIBUTIONS),
            "note": e.NOTE,
        }
        for e in found
    ]
    output.data(documents, table(("name", "engine", "formats", "packages", "note"), rows))
    output.next_step("edgekit profiles show raspberrypi  (its order of preference)")
