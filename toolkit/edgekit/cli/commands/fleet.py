"""Hand a rollout over to another tool."""

from __future__ import annotations

from pathlib import Path

import click

from edgekit.cli.output import Output, output_options
from edgekit.core.fleet import RolloutPolicy


@click.group()
def command() -> None:
    """Fleets that outgrow one workstation.

    \b
    Examples:
      edgekit bundle artifact --profile raspberrypi --out doorbell.edgekit
      edgekit fleet export doorbell.edgekit --to ansible --fleet lab.toml --out rollout
    """


@command.command("export")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--to", required=True, metavar="TOOL", help="ansible, mender or hawkbit.")
@click.option("--fleet", type=click.Path(path_type=Path), help="Inventory of the boards.")
@click.option("--canary", default="1", show_default=True, metavar="N|%", help="First wave.")
@click.option("--wave", default="25%", show_default=True, metavar="N|%", help="Each wave.")
@click.option("--max-fail", default="0", show_default=True, metavar="N|%", help="May fail.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A folder.")
@output_options
def export_command(
    bundle: Path,
    to: str,
    fleet: Path | None,
    canary: str,
    wave: str,
    max_fail: str,
    out: Path,
    output: Output,
) -> None:
    """Write a rollout for Ansible, Mender or hawkBit: they run the same installer on the board."""
    from edgekit.boards.exports import write_export
    from edgekit.boards.fleet_plan import parse_amount
    from edgekit.boards.inventory import list_boards

    policy = RolloutPolicy(parse_amount(canary), parse_amount(wave), parse_amount(max_fail))
    boards = list_boards(fleet) if fleet else ()
    written = write_export(to, bundle, out, boards, policy)
    output.data({"files": [str(path) for path in written]}, "\n".join(map(str, written)))
    if to == "ansible":
        output.next_step(f"cd {out} && ansible-playbook -i inventory.ini deploy.yml")
