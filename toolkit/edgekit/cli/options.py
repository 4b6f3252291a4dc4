"""Options that mean the same in every command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., object])

RECORDS_FOLDER = Path("records")


def inventory_option(function: Function) -> Function:
    """``--inventory``: the file of boards."""
    return click.option(
        "--inventory",
        type=click.Path(path_type=Path),
        help="File of boards; default: ./boards.toml, else the user's.",
    )(function)


def records_option(function: Function) -> Function:
    """``--records``: where the command saves its record."""
    return click.option(
        "--records",
        type=click.Path(path_type=Path),
        default=RECORDS_FOLDER,
        show_default=True,
        help="Folder for the record of this command.",
    )(function)


def key_option(function: Function) -> Function:
    """``--key``: the private key that signs."""
    return click.option(
        "--key",
        type=click.Path(path_type=Path),
        help="Private key that signs; default: the one of edgekit keys init.",
    )(function)


def unsigned_option(function: Function) -> Function:
    """``--unsigned``: no signature, for boards that have enrolled no key."""
    return click.option(
        "--unsigned", is_flag=True, help="Do not sign; for boards that have enrolled no key."
    )(function)


def board_argument(function: Function) -> Function:
    """``BOARD``: where the command works."""
    return click.argument("board")(function)


def app_option(function: Function) -> Function:
    """``--app``: one of several applications on a board."""
    return click.option("--app", default="", help="Application; needed when there are several.")(
        function
    )
