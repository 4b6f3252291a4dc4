"""Add, list, probe and trust boards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgekit.cli.options import inventory_option
from edgekit.cli.output import Output, aligned, output_options, table
from edgekit.core.errors import BoardError, UsageFault
from edgekit.core.record import to_plain

if TYPE_CHECKING:
    from edgekit.core.board import BoardFacts
    from edgekit.core.profile import DeviceProfile


@click.group()
def command() -> None:
    """Boards: the inventory, what they say about themselves, whose host keys are trusted.

    \b
    Examples:
      edgekit boards add kitchen-pi --host 192.168.1.20 --user pi --profile raspberrypi
      edgekit boards trust kitchen-pi
      edgekit boards probe kitchen-pi
    """


@command.command("list")
@inventory_option
@output_options
def list_command(inventory: Path | None, output: Output) -> None:
    """List the boards of the inventory."""
    from edgekit.boards.inventory import inventory_path, list_boards

    boards = list_boards(inventory)
    rows = [(b.name, b.profile, b.user, b.host, str(b.port), " ".join(b.tags)) for b in boards]
    headers = ("name", "profile", "user", "host", "port", "tags")
    output.data([to_plain(board) for board in boards], table(headers, rows) if rows else "")
    if not rows:
        output.note(f"{inventory_path(inventory)} has no boards yet")
        output.next_step("edgekit boards add NAME --host ADDRESS --profile raspberrypi")


@command.command("add")
@click.argument("name")
@click.option("--host", required=True, help="Address, or a Host of ~/.ssh/config.")
@click.option("--profile", required=True, help="Device profile: edgekit profiles list.")
@click.option("--user", default="", help="User on the board.")
@click.option("--port", default=22, show_default=True, type=click.IntRange(1, 65535))
@click.option("--identity-file", default="", help="Private key; else agent and ~/.ssh.")
@click.option("--known-hosts", default="", help="File of host keys; else the user's own.")
@click.option("--tag", "tags", multiple=True, help="Any word; may be given several times.")
@inventory_option
@output_options
def add_command(name: str, inventory: Path | None, output: Output, **fields: object) -> None:
    """Add a board."""
    from edgekit.boards.inventory import add_board
    from edgekit.core.board import BoardEntry
    from edgekit.core.record import from_plain
    from edgekit.profiles.device import load_profile

    load_profile(str(fields["profile"]))
    entry = from_plain(BoardEntry, to_plain({"name": name, **fields}))
    path = add_board(entry, inventory=inventory)
    output.data(to_plain(entry), f"added {name} to {path}")
    output.next_step(f"edgekit boards trust {name}")


@command.command("remove")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@inventory_option
@output_options
def remove_command(name: str, yes: bool, inventory: Path | None, output: Output) -> None:
    """Remove a board from the inventory; the board itself is not touched."""
    from edgekit.boards.inventory import inventory_path, load_board, remove_board

    load_board(name, inventory=inventory)
    if not yes:
        click.confirm(f"remove {name} from {inventory_path(inventory)}?", abort=True, err=True)
    path = remove_board(name, inventory=inventory)
    output.data({"removed": name, "file": str(path)}, f"removed {name} from {path}")


@command.command("trust")
@click.argument("name")
@click.option("--fingerprint", "expected", default="", help="Accept only this SHA256:... key.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@inventory_option
@output_options
def trust_command(
    name: str, expected: str, yes: bool, inventory: Path | None, output: Output
) -> None:
    """Record a board's host key after you compared its fingerprint."""
    from edgekit.boards.inventory import load_board
    from edgekit.boards.trust import record_host_key, see_host_key

    entry = load_board(name, inventory=inventory)
    seen = see_host_key(entry, expected=expected)
    if not seen.is_trusted:
        if not yes and not expected:
            click.echo(f"{seen.name} shows {seen.key.key_type} {seen.fingerprint}", err=True)
            click.echo(f"compare it on the board: ssh-keygen -lf {seen.file_there}", err=True)
            click.confirm("is it the same?", abort=True, err=True)
        record_host_key(seen)
    output.data(
        {
            "host": seen.name,
            "key_type": seen.key.key_type,
            "fingerprint": seen.fingerprint,
            "file": str(seen.file),
        },
        f"{seen.name} {seen.key.key_type} {seen.fingerprint} is recorded in {seen.file}",
    )
    output.next_step(f"edgekit boards probe {name}")


@command.command("probe")
@click.argument("name")
@click.option("--profile", default="", help="Compare with this profile.")
@click.option("--out", type=click.Path(path_type=Path), help="Save the facts as a record.")
@inventory_option
@output_options
def probe_command(
    name: str, profile: str, out: Path | None, inventory: Path | None, output: Output
) -> None:
    """Ask a board what it is, and which profile and engines fit it."""
    from edgekit.boards.opening import open_board
    from edgekit.boards.probe import probe_board
    from edgekit.boards.session import ensure_runner
    from edgekit.boards.wheelhouse import REQUIREMENTS, why_impossible
    from edgekit.core.record import save
    from edgekit.profiles.device import list_profiles, load_profile
    from edgekit.profiles.matching import check_board, match_profiles

    with open_board(name, profile=profile, inventory=inventory, progress=output.note) as board:
        facts = probe_board(ensure_runner(board.transport))
        entry = board.entry
    engines = {engine: why_impossible(engine, facts) for engine in REQUIREMENTS}
    text = _describe(facts, match_profiles(list_profiles(), facts), engines)
    if out:
        save(facts, out)
    output.data(facts, text)
    wanted = profile or entry.profile
    if not wanted:
        return
    problems = check_board(load_profile(wanted), facts, stand_in=entry.stand_in)
    if problems:
        raise BoardError(
            f"{name} is not a {wanted}: {'; '.join(problems)}",
            hint="choose one of the profiles above",
        )


@command.command("show")
@click.argument("name")
@inventory_option
@output_options
def show_command(name: str, inventory: Path | None, output: Output) -> None:
    """Show a board's entry."""
    from edgekit.boards.inventory import load_board

    if name == "local":
        raise UsageFault(
            "local is this machine; it has no entry", hint="edgekit boards probe local"
        )
    plain = to_plain(load_board(name, inventory=inventory))
    output.data(plain, "\n".join(f"{key:<14} {value}" for key, value in plain.items()))


def _describe(
    facts: BoardFacts,
    matches: tuple[tuple[DeviceProfile, str], ...],
    engines: dict[str, str],
) -> str:
    plain = to_plain(facts)
    plain["cpu_features"] = f"{len(facts.cpu_features)} (all with --json)"
    plain["engines"] = ", ".join(f"{k} {v}" for k, v in facts.engines.items())
    lines = []
    for key, value in plain.items():
        missing = isinstance(value, dict) and "unavailable" in value
        shown = f"unavailable: {value['unavailable']}" if missing else value
        lines.append(f"{key:<18} {shown}")
    rows = [(profile.id, reason) for profile, reason in matches] or [("none", "")]
    possible = [(name, f"no: {why}" if why else "yes") for name, why in engines.items()]
    lines += ["", aligned(("profile", "fits because"), rows)]
    lines += ["", aligned(("engine", "wheels for this board"), possible)]
    return "\n".join(lines)
