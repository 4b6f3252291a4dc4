"""The inventory of boards: ``boards.toml`` in the project, else the user's."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import ClassVar

from edgekit.boards.virtual.lasting import find_lasting
from edgekit.core.board import BoardEntry
from edgekit.core.errors import ConfigError
from edgekit.core.profile import FORBID_EXTRA
from edgekit.core.record import write_atomically
from edgekit.core.suggest import did_you_mean
from edgekit.profiles.validated import read_toml

INVENTORY_FILE = "boards.toml"
AD_HOC = re.compile(r"(?P<user>[^@\s]+)@(?P<host>[^-@:\s][^@:\s]*)(:(?P<port>\d+))?")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Inventory:
    """The file's content: ``[[boards]]`` tables."""

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    boards: tuple[BoardEntry, ...] = ()


def inventory_path(explicit: Path | None = None) -> Path:
    """The file in use: the one given, ./boards.toml when it exists, else the user's."""
    if explicit:
        return explicit
    here = Path(INVENTORY_FILE)
    if here.exists():
        return here
    import platformdirs

    return Path(platformdirs.user_config_dir("edgekit")) / INVENTORY_FILE


def list_boards(inventory: Path | None = None) -> tuple[BoardEntry, ...]:
    """Every board of the inventory; none when there is no file yet.

    Raises:
        ConfigError: the file given does not exist, or it does not validate.
    """
    path = inventory_path(inventory)
    if inventory is None and not path.exists():
        return ()
    boards = read_toml(Inventory, path).boards
    problems = list(_problems(boards, path))
    if problems:
        raise ConfigError("\n".join(problems), details={"problems": problems})
    return boards


def load_board(name: str, *, inventory: Path | None = None, profile: str = "") -> BoardEntry:
    """A board by its name, one described as ``user@host[:port]``, or a virtual one that is up.

    Raises:
        ConfigError: there is no such board.
    """
    match = AD_HOC.fullmatch(name)
    if match:
        return BoardEntry(
            name=name,
            profile=profile,
            host=match["host"],
            port=int(match["port"] or 22),
            user=match["user"],
        )
    boards = {board.name: board for board in list_boards(inventory)}
    lasting = find_lasting(name) if name not in boards and NAME.fullmatch(name) else None
    if lasting is not None:
        return lasting.entry
    if name not in boards:
        hint = did_you_mean(name, [*boards, "local", "arm64"])
        raise ConfigError(
            f"no board is called {name!r} in {inventory_path(inventory)}",
            hint=f"{hint}  (edgekit boards add {name} --host ADDRESS --profile raspberrypi)",
        )
    return boards[name]


def add_board(entry: BoardEntry, *, inventory: Path | None = None, replace: bool = False) -> Path:
    """Appends a board; the rest of the file stays as it is.

    Raises:
        ConfigError: the name is taken or not a plain word.
    """
    return add_boards((entry,), inventory=inventory, replace=replace)


def add_boards(
    entries: Sequence[BoardEntry], *, inventory: Path | None = None, replace: bool = False
) -> Path:
    """Appends boards, all or none.

    Args:
        entries: the boards.
        inventory: the file; by default the one in use.
        replace: boards of the same name give way.

    Raises:
        ConfigError: a name is taken, there twice, or not a plain word.
    """
    path = inventory_path(inventory)
    known = {board.name for board in (list_boards(inventory) if path.exists() else ())}
    taken = [entry.name for entry in entries if entry.name in known]
    if taken and not replace:
        raise ConfigError(
            f"{path} already has a board called {taken[0]}",
            hint=f"edgekit boards remove {taken[0]}  (or the same command with --replace)",
        )
    problems = _problems(tuple(entries), path)
    if problems:
        raise ConfigError("\n".join(problems), details={"problems": problems})
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    text = _without(text, set(taken))
    for entry in entries:
        separator = "\n" if text and not text.endswith("\n\n") else ""
        text += separator + _table(entry)
    write_atomically(path, text)
    return path


def remove_board(name: str, *, inventory: Path | None = None) -> Path:
    """Takes a board's table out of the file.

    Raises:
        ConfigError: there is no such board.
    """
    load_board(name, inventory=inventory)
    path = inventory_path(inventory)
    write_atomically(path, _without(path.read_text(encoding="utf-8"), {name}))
    return path


def _without(text: str, names: set[str]) -> str:
    """The file's text without the tables of some boards; everything else stays as it is."""
    if not names:
        return text
    blocks = re.split(r"(?m)^(?=\[\[?\s*boards)", text)
    words = "|".join(re.escape(name) for name in names)
    wanted = re.compile(rf"(?m)^name\s*=\s*[\"'](?:{words})[\"']")
    return "".join(block for block in blocks if not wanted.search(block))


def _table(entry: BoardEntry) -> str:
    lines = ["[[boards]]"]
    for field in fields(entry):
        value = getattr(entry, field.name)
        if field.name in ("name", "profile", "host") or value != field.default:
            shown = list(value) if isinstance(value, tuple) else value
            lines.append(f"{field.name} = {json.dumps(shown, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"


def _problems(boards: tuple[BoardEntry, ...], path: Path) -> list[str]:
    problems = []
    seen: set[str] = set()
    for i, board in enumerate(boards):
        key = f"{path}: boards[{i}]"
        if not NAME.fullmatch(board.name):
            problems.append(f"{key}.name: expected a plain word, got {board.name!r}")
        if board.name in seen:
            problems.append(f"{key}.name: {board.name!r} is there twice")
        if not 0 < board.port < 65536:
            problems.append(f"{key}.port: expected 1 to 65535, got {board.port}")
        if board.transport == "ssh" and not board.host:
            problems.append(f"{key}.host: missing")
        seen.add(board.name)
    return problems
