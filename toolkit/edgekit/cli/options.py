"""Options that mean the same in every command."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

if TYPE_CHECKING:
    from edgekit.cloud.endpoint import CloudAccess
    from edgekit.core.network import NetworkProfile

Function = TypeVar("Function", bound=Callable[..., object])

RECORDS_FOLDER = Path("records")
RUNS = click.IntRange(1, 1_000_000)
WARMUP_RUNS = click.IntRange(0, 10_000)
THREADS = click.IntRange(0, 1024)
"""0 leaves the number to the profile or the machine."""


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


def installed_options(function: Function) -> Function:
    """``BOARD``, ``--app`` and ``--inventory``: of commands about what lies on a board."""
    return board_argument(app_option(inventory_option(function)))


def cloud_options(function: Function) -> Function:
    """``--payload``, ``--token-file``, ``--ca``: what is sent to an endpoint, and how one gets in."""
    options = (
        click.option(
            "--payload",
            type=click.Choice(["jpeg", "picture", "tensor", "json"]),
            help="What is sent; default: jpeg for pictures, else tensor.",
        ),
        click.option(
            "--token-file",
            type=click.Path(path_type=Path),
            envvar="EDGEKIT_TOKEN_FILE",
            help="Bearer token of the endpoint.",
        ),
        click.option(
            "--ca",
            type=click.Path(path_type=Path),
            help="Certificates to trust (PEM) in place of the system's.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


def cloud_access(given: Mapping[str, object]) -> CloudAccess:
    """What `cloud_options` gave."""
    from edgekit.cloud.endpoint import CloudAccess

    token_file, ca = given.get("token_file"), given.get("ca")
    return CloudAccess(
        Path(str(token_file)) if token_file else None, Path(str(ca)) if ca else None
    )


def chosen_networks(names: Sequence[str]) -> tuple[NetworkProfile, ...]:
    """The networks of a ``--network`` that may be given often, or with commas.

    Raises:
        ConfigError: one is not known, or named twice.
    """
    from edgekit.core.errors import ConfigError
    from edgekit.networks.catalog import load_network

    wanted = [part.strip() for name in names for part in name.split(",") if part.strip()]
    if len(set(wanted)) < len(wanted):
        twice = max(wanted, key=wanted.count)
        raise ConfigError(f"--network {twice} is named twice", hint="name each once")
    return tuple(load_network(name) for name in wanted)


def service_options(function: Function) -> Function:
    """``--service`` with its port and threads: passes ``service``, or None."""

    @click.option("--service", "is_served", is_flag=True, help="Let systemd serve it there.")
    @click.option(
        "--service-port",
        "port",
        default=8390,
        show_default=True,
        type=click.IntRange(1, 65535),
        help="Loopback port of --service.",
    )
    @click.option(
        "--service-threads",
        "service_threads",
        default=1,
        show_default=True,
        type=click.IntRange(1, 256),
        help="Threads of the engine under --service.",
    )
    @functools.wraps(function)
    # Any: click passes the command's own parameters through
    def wrapper(
        *args: Any, is_served: bool, port: int, service_threads: int, **given: Any
    ) -> object:
        from edgekit.boards.services import ServiceRequest

        service = ServiceRequest(port, service_threads) if is_served else None
        return function(*args, service=service, **given)

    return cast(Function, wrapper)
