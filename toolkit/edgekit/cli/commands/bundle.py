"""Make one file of everything a board needs, for use without a network."""

from __future__ import annotations

from pathlib import Path

import click

from edgekit.cli.options import key_option, unsigned_option
from edgekit.cli.output import Output, output_options
from edgekit.core.units import format_bytes


@click.command()
@click.argument("artifact", type=click.Path(path_type=Path))
@click.option("--profile", default="", help="Kind of board; default: the artifact's.")
@click.option("--app", default="", help="Name on the board; default: the artifact's name.")
@click.option("--out", type=click.Path(path_type=Path), help="Default: <app>.edgekit")
@click.option(
    "--python", "python", default="", help="Python of the board, when the profile's differ."
)
@click.option("--libc", default="", help="C library of the board, such as glibc-2.36.")
@key_option
@unsigned_option
@output_options
def command(
    artifact: Path,
    profile: str,
    app: str,
    out: Path | None,
    python: str,
    libc: str,
    key: Path | None,
    unsigned: bool,
    output: Output,
) -> None:
    """Make a bundle file: artifact, runner, golden vectors and the engine's exact wheels, signed.

    It holds a release for every userland of the profile that the engine has wheels for; content is
    stored once. Deploy it from any machine, without the artifact, an index or the key.

    \b
    Examples:
      edgekit bundle artifact --profile raspberrypi
      edgekit bundle artifact --profile raspberrypi --python 3.12 --libc glibc-2.39 --out pi.edgekit
      edgekit deploy echo-model.edgekit --board kitchen-pi
    """
    from edgekit.boards.bundle_file import write_bundle_file
    from edgekit.boards.bundle_making import BundleRequest, make_releases

    request = BundleRequest(artifact, profile, app, python, libc, unsigned, key)
    releases = make_releases(request, progress=output.note)
    path = out or Path(f"{releases[0].bundle.app}.edgekit")
    index = write_bundle_file(releases, path)
    lines = [f"{path}: {index.app} for {index.profile}, {format_bytes(path.stat().st_size)}"]
    for release in releases:
        bundle = release.bundle
        system = f"{bundle.arch} {bundle.libc} {bundle.python_abi}"
        lines.append(f"  {release.id}  {system}  {bundle.engine} {bundle.engine_version}")
    signed = f"signed by {index.signed_by}" if index.signed_by else "unsigned"
    output.data(index, "\n".join([*lines, f"  {signed}"]))
    output.next_step(f"edgekit deploy {path} --board BOARD")
