"""Reads and writes Ansible inventories: hosts with their groups and variables become boards.

Source: Ansible's guide "How to build your inventory" and its ini and yaml inventory plug-ins,
ansible-core 2.19; a test compares with ``ansible-inventory``.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgekit.core.board import BoardEntry
from edgekit.core.errors import ConfigError

Variables = dict[str, Any]  # Any: an inventory's values have every type
SECTION = re.compile(r"\[([^:\]\s]+)(?::(vars|children|hosts))?\]\s*(?:#.*)?")
RANGE = re.compile(r"\[(\w+):(\w+)(?::(\d+))?\]")
JUMP = re.compile(r"(?:-J\s*|ProxyJump[= ])\s*([^\s\"']+)")
SECRETS = (
    "ansible_password",
    "ansible_ssh_pass",
    "ansible_become_pass",
    "ansible_become_password",
)
EVERY, LOOSE = "all", "ungrouped"
MAX_HOSTS = 100_000


@dataclass
class Group:
    """A group as it is written."""

    hosts: dict[str, Variables] = field(default_factory=dict)
    variables: Variables = field(default_factory=dict)
    children: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Imported:
    """Boards of an inventory, and what was not taken over."""

    boards: tuple[BoardEntry, ...]
    notes: tuple[str, ...]


def import_inventory(path: Path, *, profile: str) -> Imported:
    """Boards of an INI or YAML inventory.

    Args:
        path: the file; ``.yml``, ``.yaml`` and ``.json`` are YAML, everything else INI.
        profile: of hosts without a variable ``edgekit_profile``.

    Raises:
        ConfigError: the file cannot be read or understood.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigError(f"{path} cannot be read: {err}") from err
    is_yaml = path.suffix in (".yml", ".yaml", ".json")
    groups = parse_yaml(text, str(path)) if is_yaml else parse_ini(text, str(path))
    boards, notes = [], []
    for name, variables, of in resolve(groups, str(path)):
        board, said = _board(name, variables, of, profile)
        boards.append(board)
        notes += said
    return Imported(tuple(boards), tuple(dict.fromkeys(notes)))


def parse_ini(text: str, where: str) -> dict[str, Group]:
    """Groups of an INI inventory.

    Raises:
        ConfigError: a line is none of a host, a variable or a group.
    """
    groups = {EVERY: Group(), LOOSE: Group()}
    name, kind = LOOSE, "hosts"
    for number, line in enumerate(text.splitlines(), 1):
        bare, place = line.strip(), f"{where}: line {number}"
        if not bare or bare[0] in "#;":
            continue
        match = SECTION.fullmatch(bare)
        if match:
            name, kind = match[1], match[2] or "hosts"
            groups.setdefault(name, Group())
        elif kind == "vars":
            key, equals, value = bare.partition("=")
            if not equals:
                raise ConfigError(f"{place}: expected name=value, got {bare[:60]!r}")
            groups[name].variables[key.strip()] = _literal(value.strip())
        elif kind == "children":
            groups[name].children.append(bare.split("#")[0].strip())
        else:
            _host_line(bare, groups[name], place)
    return groups


def parse_yaml(text: str, where: str) -> dict[str, Group]:
    """Groups of a YAML inventory.

    Raises:
        ConfigError: it is not YAML, or not an inventory.
    """
    import yaml

    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as err:
        raise ConfigError(f"{where}: not YAML: {err}") from err
    groups = {EVERY: Group(), LOOSE: Group()}
    for name, content in _mapping(document, where).items():
        _yaml_group(str(name), content, groups, where, depth=0)
    return groups


def resolve(
    groups: Mapping[str, Group], where: str
) -> Iterator[tuple[str, Variables, tuple[str, ...]]]:
    """Every host with its variables and groups; nearer groups win over those that hold them.

    Raises:
        ConfigError: a group holds itself, or names one that does not exist.
    """
    parents: dict[str, set[str]] = {name: set() for name in groups}
    for name, group in groups.items():
        for child in group.children:
            if child not in groups:
                raise ConfigError(f"{where}: {name} holds {child!r}, which is no group")
            parents[child].add(name)
    depths = {name: _depth(name, parents, where, ()) for name in groups}
    hosts: dict[str, dict[str, Variables]] = {}
    for name, group in groups.items():
        for host, variables in group.hosts.items():
            hosts.setdefault(host, {})[name] = variables
    for host, of in hosts.items():
        every = _ancestors(of, parents) | {EVERY}
        merged: Variables = {}
        for name in sorted(every, key=lambda name: (name != EVERY, depths[name], name)):
            merged |= groups[name].variables
        for own in of.values():
            merged |= own
        yield host, merged, tuple(sorted(every - {EVERY, LOOSE}))


def export_ini(boards: Iterable[BoardEntry]) -> str:
    """An INI inventory of boards."""
    boards = tuple(boards)
    lines = ["# Written by edgekit boards export; passwords and keys are not in it."]
    for board in boards:
        words = [f"{key}={_ini_value(value)}" for key, value in variables_of(board).items()]
        lines.append(" ".join([board.name, *words]))
    for group in sorted({group for board in boards for group in board.groups}):
        lines += ["", f"[{group}]", *(b.name for b in boards if group in b.groups)]
    return "\n".join(lines) + "\n"


def export_yaml(boards: Iterable[BoardEntry]) -> str:
    """A YAML inventory of boards."""
    import yaml

    boards = tuple(boards)
    children = {
        group: {"hosts": {b.name: None for b in boards if group in b.groups}}
        for group in sorted({group for board in boards for group in board.groups})
    }
    everything: dict[str, object] = {"hosts": {b.name: variables_of(b) for b in boards}}
    if children:
        everything["children"] = children
    text: str = yaml.safe_dump({EVERY: everything}, sort_keys=False, allow_unicode=True)
    return text


def variables_of(board: BoardEntry) -> dict[str, str | int]:
    """A board as Ansible's variables."""
    found: dict[str, str | int] = {"ansible_host": board.host}
    if board.port != 22:
        found["ansible_port"] = board.port
    if board.user:
        found["ansible_user"] = board.user
    if board.identity_file:
        found["ansible_ssh_private_key_file"] = board.identity_file
    options = []
    if board.proxy_jump:
        options.append(f"-o ProxyJump={board.proxy_jump}")
    if board.known_hosts:
        options.append(f"-o UserKnownHostsFile={shlex.quote(board.known_hosts)}")
    if options:
        found["ansible_ssh_common_args"] = " ".join(options)
    if board.profile:
        found["edgekit_profile"] = board.profile
    if board.tags:
        found["edgekit_tags"] = ",".join(board.tags)
    return found


def expand_range(pattern: str) -> Iterator[str]:
    """Hosts that a pattern such as ``pi[01:03].lab`` means.

    Example:
        >>> list(expand_range("pi[08:10]"))
        ['pi08', 'pi09', 'pi10']
    """
    match = RANGE.search(pattern)
    if match is None:
        yield pattern
        return
    begin, end, step = match[1], match[2], int(match[3] or 1)
    if begin.isdigit() and end.isdigit():
        numbers = range(int(begin), int(end) + 1, max(step, 1))
        width = len(begin) if begin.startswith("0") else 0
        found = (str(number).zfill(width) for number in numbers)
    elif len(begin) == len(end) == 1 and begin.isalpha() and end.isalpha():
        found = (chr(code) for code in range(ord(begin), ord(end) + 1, max(step, 1)))
    else:
        raise ConfigError(f"{pattern!r} is no range of hosts", hint="as in pi[01:20].lab")
    for word in found:
        for rest in expand_range(pattern[match.end() :]):
            yield pattern[: match.start()] + word + rest


def _host_line(line: str, group: Group, where: str) -> None:
    try:
        words = shlex.split(line, comments=True)
    except ValueError as err:
        raise ConfigError(f"{where}: {err}") from err
    if not words:
        return
    variables: Variables = {}
    for word in words[1:]:
        key, equals, value = word.partition("=")
        if not equals:
            raise ConfigError(f"{where}: expected name=value, got {word[:60]!r}")
        variables[key] = _literal(value)
    _add_hosts(words[0], variables, group, where)


def _add_hosts(pattern: str, variables: Variables, group: Group, where: str) -> None:
    match = re.fullmatch(r"([^:]*(?:\[[^\]]*\][^:]*)*):(\d+)", pattern)
    if match:
        pattern, variables = match[1], {"ansible_port": int(match[2])} | variables
    for number, host in enumerate(expand_range(pattern)):
        if number >= MAX_HOSTS:
            raise ConfigError(f"{where}: {pattern!r} means more than {MAX_HOSTS} hosts")
        group.hosts[host] = group.hosts.get(host, {}) | variables


def _yaml_group(
    name: str, content: object, groups: dict[str, Group], where: str, *, depth: int
) -> None:
    place = f"{where}: {name}"
    if depth > 50:
        raise ConfigError(f"{place}: groups nest too deeply")
    group = groups.setdefault(name, Group())
    fields = _mapping(content, place)
    for key in fields:
        if key not in ("hosts", "vars", "children"):
            raise ConfigError(f"{place}: expected hosts, vars or children, got {key!r}")
    group.variables |= _mapping(fields.get("vars"), place)
    for pattern, variables in _mapping(fields.get("hosts"), place).items():
        _add_hosts(str(pattern), _mapping(variables, place), group, place)
    for child, inner in _mapping(fields.get("children"), place).items():
        if str(child) not in group.children:
            group.children.append(str(child))
        _yaml_group(str(child), inner, groups, where, depth=depth + 1)


def _mapping(value: object, where: str) -> Variables:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigError(f"{where}: expected a mapping, got {type(value).__name__}")
    return {str(key): item for key, item in value.items()}


def _depth(name: str, parents: Mapping[str, set[str]], where: str, seen: tuple[str, ...]) -> int:
    if name in seen:
        raise ConfigError(f"{where}: group {name} holds itself")
    above = [_depth(parent, parents, where, (*seen, name)) for parent in parents[name]]
    return max(above, default=0) + 1


def _ancestors(names: Iterable[str], parents: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += parents[name]
    return found


def _literal(text: str) -> object:
    """A value of an INI file, which Ansible reads as a Python literal when it is one."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text


def _ini_value(value: str | int) -> str:
    """A value that is read back as it is: quoted where it has to be."""
    text = str(value)
    if isinstance(value, str) and _literal(text) != text:
        text = repr(text)
    return shlex.quote(text)


def _board(
    name: str, variables: Variables, groups: tuple[str, ...], profile: str
) -> tuple[BoardEntry, list[str]]:
    def text(*keys: str) -> str:
        return next((str(variables[key]) for key in keys if key in variables), "")

    notes = []
    if any(key in variables for key in SECRETS):
        notes.append("passwords are not taken over: use keys, or password_file of the board")
    for key, value in variables.items():
        if isinstance(value, str) and "{{" in value and key.startswith("ansible_"):
            notes.append(f"{name}: {key} is a template, which edgekit does not fill in")
    port = text("ansible_port", "ansible_ssh_port") or "22"
    if not port.isdigit():
        raise ConfigError(f"{name}: the port {port!r} is no number")
    jump = JUMP.search(text("ansible_ssh_common_args", "ansible_ssh_extra_args"))
    tags = variables.get("edgekit_tags", ())
    words = [str(tag) for tag in tags] if isinstance(tags, list | tuple) else str(tags).split(",")
    entry = BoardEntry(
        name=re.sub(r"[^A-Za-z0-9._-]", "-", name).lstrip("._-") or "board",
        profile=text("edgekit_profile") or profile,
        host=text("ansible_host", "ansible_ssh_host") or name,
        port=int(port),
        user=text("ansible_user", "ansible_ssh_user"),
        identity_file=text("ansible_ssh_private_key_file", "ansible_private_key_file"),
        transport="local" if text("ansible_connection") == "local" else "ssh",
        tags=tuple(word.strip() for word in words if word.strip()),
        groups=groups,
        proxy_jump=jump[1] if jump else "",
    )
    return entry, notes
