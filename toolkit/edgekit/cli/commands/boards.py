"""Add, list, probe and trust boards."""

from __future__ import annotations

from pathlib import Path

import click

from edgekit.cli.options import inventory_option
from edgekit.cli.output import Output, output_options, table
from edgekit.core.errors import UsageFault
from edgekit.core.record import to_plain


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
@click.option("--tag", "tags", multiple=True, help="Only boards with this tag.")
@click.option("--group", "groups", multiple=True, help="Only boards of this group.")
@inventory_option
@output_options
def list_command(
    tags: tuple[str, ...], groups: tuple[str, ...], inventory: Path | None, output: Output
) -> None:
    """List the boards of the inventory."""
    from edgekit.boards.fleet_plan import Selection, select
    from edgekit.boards.inventory import inventory_path, list_boards

    boards = list_boards(inventory)
    if tags or groups:
        boards = select(boards, Selection(tags, groups))
    rows = [
        (b.name, b.profile, b.user, b.host, str(b.port), " ".join(b.tags), " ".join(b.groups))
        for b in boards
    ]
    headers = ("name", "profile", "user", "host", "port", "tags", "groups")
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
@click.option("--password-file", default="", help="File with the password, mode 600.")
@click.option("--known-hosts", default="", help="File of host keys; else the user's own.")
@click.option("--proxy-jump", default="", help="Jump hosts; else those of ~/.ssh/config.")
@click.option("--tag", "tags", multiple=True, help="Any word; may be given several times.")
@click.option("--group", "groups", multiple=True, help="Any word; may be given several times.")
@click.option("--replace", is_flag=True, help="Replace the board of this name.")
@inventory_option
@output_options
def add_command(
    name: str, replace: bool, inventory: Path | None, output: Output, **fields: object
) -> None:
    """Add a board."""
    from edgekit.boards.inventory import add_board
    from edgekit.core.board import BoardEntry
    from edgekit.core.record import from_plain
    from edgekit.profiles.device import load_profile

    load_profile(str(fields["profile"]))
    entry = from_plain(BoardEntry, to_plain({"name": name, **fields}))
    path = add_board(entry, inventory=inventory, replace=replace)
    output.data(to_plain(entry), f"added {name} to {path}")
    output.next_step(f"edgekit boards trust {name}")


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--profile", default="", help="Of hosts without the variable edgekit_profile.")
@click.option("--replace", is_flag=True, help="Replace boards of the same names.")
@inventory_option
@output_options
def import_command(
    file: Path, profile: str, replace: bool, inventory: Path | None, output: Output
) -> None:
    """Add the hosts of an Ansible inventory (INI, or YAML by its suffix).

    \b
    Examples:
      edgekit boards import hosts.ini --profile raspberrypi
      edgekit boards import site/inventory.yml --inventory lab.toml
    """
    from edgekit.boards.ansible import import_inventory
    from edgekit.boards.inventory import add_boards
    from edgekit.core.errors import ConfigError
    from edgekit.profiles.device import load_profile

    found = import_inventory(file, profile=profile)
    if not found.boards:
        raise ConfigError(f"{file} has no hosts")
    for board in found.boards:
        if not board.profile:
            raise ConfigError(
                f"{board.name} has no device profile",
                hint="--profile NAME, or the variable edgekit_profile  (edgekit profiles list)",
            )
    for name in {board.profile for board in found.boards}:
        load_profile(name)
    path = add_boards(found.boards, inventory=inventory, replace=replace)
    for note in found.notes:
        output.note(f"note: {note}")
    plain = [to_plain(board) for board in found.boards]
    output.data(plain, f"added {len(found.boards)} boards to {path}")
    output.next_step(f"edgekit boards trust {found.boards[0].name}")


@command.command("export")
@click.option("--to", "form", type=click.Choice(["ini", "yaml"]), default="ini", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="File; else stdout.")
@inventory_option
@output_options
def export_command(form: str, out: Path | None, inventory: Path | None, output: Output) -> None:
    """Write the boards as an Ansible inventory."""
    from edgekit.boards.ansible import export_ini, export_yaml
    from edgekit.boards.inventory import list_boards
    from edgekit.core.record import write_atomically

    boards = list_boards(inventory)
    text = export_yaml(boards) if form == "yaml" else export_ini(boards)
    if out:
        write_atomically(out, text)
        output.data({"file": str(out), "boards": len(boards)}, f"{len(boards)} boards in {out}")
    else:
        output.data({"inventory": text}, text.rstrip("\n"))


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
    from edgekit.boards.probing import probe
    from edgekit.cli.board_text import describe_probe
    from edgekit.core.record import save

    with open_board(name, profile=profile, inventory=inventory, progress=output.note) as board:
        found = probe(board.entry, board.transport, profile=profile)
    if out:
        save(found.facts, out)
    output.data(found.document, describe_probe(found))
    found.require_fit()


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
