"""Keys that sign releases, and the boards that accept them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgekit.cli.options import board_argument, inventory_option, key_option
from edgekit.cli.output import Output, output_options, table

if TYPE_CHECKING:
    from edgekit.boards.signing import SigningKey


@click.group()
def command() -> None:
    """Make a key, show it, and tell boards to accept its signatures.

    \b
    Examples:
      edgekit keys init
      edgekit keys enrol kitchen-pi
      edgekit keys show kitchen-pi
    """


@command.command("init")
@key_option
@output_options
def init_command(key: Path | None, output: Output) -> None:
    """Make a signing key (Ed25519, an ordinary SSH key without a passphrase).

    Any other SSH key pair serves as well, also one of ssh-agent or a security token: --key.

    \b
    Example:
      edgekit keys init
    """
    from edgekit.boards.signing import make_key

    made = make_key(key)
    output.data(_document(made), f"{made.fingerprint}  {made.path}")
    output.note("who has this file can sign for every board that accepts it: keep a copy offline")
    output.next_step("edgekit keys enrol BOARD")


@command.command("show")
@click.argument("board", default="")
@key_option
@inventory_option
@output_options
def show_command(board: str, key: Path | None, inventory: Path | None, output: Output) -> None:
    """Show the signing key, or with BOARD the keys which that board accepts.

    \b
    Examples:
      edgekit keys show
      edgekit keys show kitchen-pi
    """
    from edgekit.boards.signing import find_key, fingerprint_of
    from edgekit.core.errors import ConfigError

    mine = find_key(key)
    if not board:
        if mine is None:
            raise ConfigError("there is no signing key yet", hint="edgekit keys init")
        output.data(_document(mine), f"{mine.fingerprint}  {mine.path}\n{mine.public}")
        return
    accepted = _accepted(board, inventory, output)
    rows = [(fingerprint_of(k), "yours" if mine and k == mine.public else "-") for k in accepted]
    documents = [
        {"public": k, "fingerprint": row[0]} for k, row in zip(accepted, rows, strict=True)
    ]
    output.data(documents, table(("key", "whose"), rows) if rows else "")
    if not rows:
        output.note(f"{board} has enrolled no key: it takes unsigned releases")
        output.next_step(f"edgekit keys enrol {board}")


@command.command("enrol")
@board_argument
@key_option
@click.option("--only", is_flag=True, help="Take away every other key.")
@click.option("--remove", is_flag=True, help="Accept no key: the board takes unsigned releases.")
@inventory_option
@output_options
def enrol_command(
    board: str,
    key: Path | None,
    only: bool,
    remove: bool,
    inventory: Path | None,
    output: Output,
) -> None:
    """Make a board accept the key's signatures, and from then on nothing unsigned.

    The board also learns which kind of board it is, and refuses releases for another kind.

    \b
    Examples:
      edgekit keys enrol kitchen-pi
      edgekit keys enrol kitchen-pi --key new_key --only      # after a key was lost
    """
    from edgekit.boards.deploy import profile_of
    from edgekit.boards.opening import open_board
    from edgekit.boards.releases import enrol_keys
    from edgekit.boards.session import runner_session
    from edgekit.boards.signing import find_key
    from edgekit.core.errors import ConfigError, UsageFault
    from edgekit.core.record import to_plain

    if only and remove:
        raise UsageFault("--only and --remove contradict each other", hint="give one of them")
    mine = find_key(key)
    if mine is None and not remove:
        raise ConfigError("there is no signing key yet", hint="edgekit keys init")
    wanted = [] if remove or mine is None else [mine.public]
    with open_board(board, inventory=inventory, progress=output.note) as opened:
        session = runner_session(opened.transport)
        profile = "" if remove else profile_of(opened.entry)
        done = enrol_keys(session, wanted, profile=profile, replace=only or remove)
    if remove:
        output.data(to_plain(done), f"{board} accepts unsigned releases now")
        return
    assert mine
    kind = f" as a {done.profile}" if done.profile else ""
    text = f"{board} accepts releases signed by {mine.fingerprint}{kind}"
    output.data(to_plain(done), text)
    output.next_step(f"edgekit deploy ARTIFACT --board {board}")


def _accepted(board: str, inventory: Path | None, output: Output) -> tuple[str, ...]:
    from edgekit.boards.opening import open_board
    from edgekit.boards.releases import enrol_keys
    from edgekit.boards.session import runner_session

    with open_board(board, inventory=inventory, progress=output.note) as opened:
        session = runner_session(opened.transport)
        return enrol_keys(session, (), profile=None, replace=False).keys


def _document(key: SigningKey) -> dict[str, str]:
    return {
        "path": str(key.path),
        "public": key.public,
        "fingerprint": key.fingerprint,
    }
