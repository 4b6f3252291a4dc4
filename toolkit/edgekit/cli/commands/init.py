"""Write a commented edgekit.toml for this folder."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from edgekit.cli.output import Output, output_options
from edgekit.core.errors import ConfigError

FILE = Path("edgekit.toml")
SUFFIXES = (".onnx", ".keras", ".h5", ".tflite", ".pt2", ".pt", ".pth", ".pkl", ".joblib")
DEFAULT_PROFILE = "raspberrypi"
TEMPLATE = """\
# What this folder's model, data and board are. `edgekit convert`, `edgekit go` and others read it
# when no MODEL is named; a flag on the command line goes before it.

[model]
path = {model}
# shape = {{ input = "1x3x224x224" }}     # for inputs whose size is free
# weights = "weights.pth"               # state dict of a PyTorch builder file
# trust = true                          # run code that the model file brings along

[convert]
profile = {profile}                     # edgekit profiles list
recipe = "auto"                         # auto tries the profile's order: int8-static, ..., float
{calibration}# about 100 typical inputs; int8 needs them
{data}# labelled samples: the accuracy before and after
# pipeline = "imagenet"                 # how pictures become inputs; or your pipeline.py
# engine = "litert"                     # edgekit engines list

[target]
{board}# edgekit boards list; "local" stands in for one
{cloud}# the endpoint to compare with; left out: served here
# networks = ["fiber", "4g"]            # edgekit net list
"""


@click.command()
@click.option("--model", type=click.Path(path_type=Path), help="Default: the one in this folder.")
@click.option("--profile", default="", help="Device profile: edgekit profiles list.")
@click.option("--calibration", type=click.Path(path_type=Path), help="About 100 samples.")
@click.option("--data", type=click.Path(path_type=Path), help="Labelled samples.")
@click.option("--board", default="", help="Board of edgekit boards list.")
@click.option("--cloud", default="", help="Endpoint to compare with: grpc://HOST:PORT.")
@click.option("--no-input", is_flag=True, help="Ask nothing.")
@click.option("--force", is_flag=True, help="Write over an edgekit.toml that is there.")
@output_options
def command(
    model: Path | None,
    profile: str,
    calibration: Path | None,
    data: Path | None,
    board: str,
    cloud: str,
    no_input: bool,
    force: bool,
    output: Output,
) -> None:
    """Write a commented edgekit.toml here, so that `edgekit go` needs no flags.

    On a terminal it asks for what it cannot see; without one it takes what is given and what lies
    in the folder.

    \b
    Examples:
      edgekit init
      edgekit init --model model.onnx --profile raspberrypi-5 --board kitchen-pi --no-input
    """
    from edgekit.core.record import write_atomically
    from edgekit.profiles.device import load_profile
    from edgekit.profiles.project import load_project

    if FILE.exists() and not force:
        raise ConfigError(f"{FILE} is already there", hint="edgekit init --force writes over it")
    is_asking = sys.stdin.isatty() and not no_input and not output.as_json
    found = [path for path in sorted(Path().iterdir()) if path.suffix in SUFFIXES]
    seen = str(model or (found[0] if len(found) == 1 else ""))
    if is_asking:
        seen = seen if model else click.prompt("model", default=seen or "model.onnx", err=True)
        profile = profile or click.prompt("profile", default=DEFAULT_PROFILE, err=True)
        board = board or click.prompt("board", default="local", err=True)
    if not seen:
        names = ", ".join(path.name for path in found)
        raise ConfigError(
            f"several models are here: {names}" if found else "no model is here",
            hint=f"edgekit init --model {found[0].name if found else 'model.onnx'}",
        )
    load_profile(profile or DEFAULT_PROFILE)
    values = {
        "model": _quoted(seen),
        "profile": _quoted(profile or DEFAULT_PROFILE),
        "calibration": _line("calibration", str(calibration or ""), "samples.npz"),
        "data": _line("data", str(data or ""), "labelled.npz"),
        "board": _line("board", board, "kitchen-pi"),
        "cloud": _line("cloud", cloud, "grpc://models.example.com:8081"),
    }
    write_atomically(FILE, TEMPLATE.format(**values))
    project = load_project(Path())
    assert project is not None
    output.data({"file": str(FILE), "model": seen}, f"wrote {FILE}")
    output.next_step("edgekit go" if Path(seen).exists() else f"put the model at {seen}")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # a TOML basic string is written like JSON's


def _line(key: str, value: str, example: str) -> str:
    """A setting, or the same line as a comment when it was not given; what follows is aligned."""
    line = f"{key} = {_quoted(value)}" if value else f"# {key} = {_quoted(example)}"
    return f"{line:<39} "
