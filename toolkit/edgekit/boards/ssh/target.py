"""Where and how to connect: the inventory's entry over ~/.ssh/config over ssh's defaults."""

from __future__ import annotations

import getpass
import re
from dataclasses import dataclass
from pathlib import Path

from edgekit.boards.host_keys import host_pattern
from edgekit.boards.ssh.config import SshOptions, read_options
from edgekit.boards.ssh.tokens import Tokens
from edgekit.core.board import BoardEntry
from edgekit.core.errors import ConfigError

CONNECT_TIMEOUT_S = 10.0
HANDSHAKE_TIMEOUT_S = 15.0
DEFAULT_IDENTITIES = ("~/.ssh/id_rsa", "~/.ssh/id_ecdsa", "~/.ssh/id_ed25519")
"""Source: ssh_config(5), IdentityFile, without the types that need hardware."""
USER_KNOWN_HOSTS = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
GLOBAL_KNOWN_HOSTS = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
HOST = re.compile(r"[^-\s'\"`$\\;&<>|(){}@/][^\s'\"`$\\;&<>|(){}@/]*")
"""Source: valid_hostname and valid_ruser of OpenSSH 9.6, which forbid what shells read."""
USER = re.compile(r"[^-\s'\"`$;&<>|(){}][^\s'\"`$;&<>|(){}]*")
JUMP = re.compile(
    r"(?:ssh://)?(?:(?P<user>[^@]+)@)?(?P<host>\[[^\]]+\]|[^:@/]+)(?::(?P<port>\d+))?/?"
)
MAX_JUMPS = 8


@dataclass(frozen=True)
class SshTarget:
    """One server, ready to be connected to."""

    board: str
    """For messages."""
    host: str
    port: int
    user: str
    key_name: str
    """Name under which its host key is recorded."""
    plain_name: str
    """The same without the port."""
    identity_files: tuple[Path, ...] = ()
    agent: str = "SSH_AUTH_SOCK"
    """Socket of the agent, SSH_AUTH_SOCK for the usual one, or none."""
    only_identities: bool = False
    password_file: str = ""
    known_hosts: tuple[Path, ...] = ()
    """The first one is where new keys are recorded."""
    revoked_keys: Path | None = None
    connect_timeout_s: float = CONNECT_TIMEOUT_S
    handshake_timeout_s: float = HANDSHAKE_TIMEOUT_S

    @property
    def where(self) -> str:
        """For messages: the board and its address."""
        return f"{self.board} ({self.host}:{self.port})"


def find_target(entry: BoardEntry) -> SshTarget:
    """The server of a board.

    Raises:
        ConfigError: a name is none, or ssh's configuration cannot be understood.
    """
    return _target(entry, read_options(entry.host, user=entry.user))


def find_route(entry: BoardEntry) -> tuple[SshTarget, ...]:
    """Every server on the way to a board: jump hosts first, the board last.

    Raises:
        ConfigError: as :func:`find_target`, or the jumps do not end.
    """
    options = read_options(entry.host, user=entry.user)
    jump = entry.proxy_jump or options.proxy_jump
    if options.proxy_command not in ("", "none") and not entry.proxy_jump:
        raise ConfigError(
            f"{entry.name}: ssh's configuration asks for a ProxyCommand, which edgekit does not run",
            hint="use ProxyJump in ~/.ssh/config, or proxy_jump of the board",
        )
    return (*_jumps(jump, entry, depth=0), _target(entry, options))


def _jumps(text: str, entry: BoardEntry, *, depth: int) -> tuple[SshTarget, ...]:
    if text in ("", "none"):
        return ()
    if depth > MAX_JUMPS:
        raise ConfigError(
            f"{entry.name}: its jump hosts lead back to themselves",
            hint="see ProxyJump in ~/.ssh/config",
        )
    found: list[SshTarget] = []
    for i, word in enumerate(text.split(",")):
        match = JUMP.fullmatch(word.strip())
        if match is None:
            raise ConfigError(f"{entry.name}: {word!r} is no jump host: expected user@host:port")
        hop = BoardEntry(
            name=f"{entry.name}: jump host {match['host']}",
            profile="",
            host=match["host"].strip("[]"),
            port=int(match["port"] or 22),
            user=match["user"] or "",
            known_hosts=entry.known_hosts,
            connect_timeout_s=entry.connect_timeout_s,
        )
        options = read_options(hop.host, user=hop.user)
        if i == 0:
            found += _jumps(options.proxy_jump, entry, depth=depth + 1)
        found.append(_target(hop, options))
    return tuple(found)


def _target(entry: BoardEntry, options: SshOptions) -> SshTarget:
    host = options.hostname
    port = entry.port if entry.port != 22 else options.port
    user = options.user or getpass.getuser()
    for what, value, pattern in (("host", host, HOST), ("user", user, USER)):
        if not pattern.fullmatch(value):
            raise ConfigError(f"{entry.name}: {value!r} is no {what} name")
    tokens = Tokens(options, user)
    alias = options.values.get("hostkeyalias", "").lower()
    written = [entry.identity_file] if entry.identity_file else options.identity_files
    names = written or list(DEFAULT_IDENTITIES)
    users = (
        (entry.known_hosts,) if entry.known_hosts else _files(options, "user", USER_KNOWN_HOSTS)
    )
    system = () if entry.known_hosts else _files(options, "global", GLOBAL_KNOWN_HOSTS)
    revoked = options.values.get("revokedhostkeys", "none")
    agent = options.values.get("identityagent", "SSH_AUTH_SOCK")
    timeout_s = entry.connect_timeout_s or float(options.values.get("connecttimeout", "0"))
    return SshTarget(
        board=entry.name,
        host=host,
        port=port,
        user=user,
        key_name=alias or host_pattern(host, port),
        plain_name=alias or host,
        identity_files=tuple(Path(tokens.path(name)) for name in names if name != "none"),
        agent="none" if entry.identity_file else _agent(agent, tokens),
        only_identities=options.values.get("identitiesonly", "no").lower() == "yes",
        password_file=entry.password_file,
        known_hosts=tuple(Path(tokens.path(name)) for name in (*users, *system)),
        revoked_keys=None if revoked == "none" else Path(tokens.path(revoked)),
        connect_timeout_s=timeout_s or CONNECT_TIMEOUT_S,
        handshake_timeout_s=timeout_s or HANDSHAKE_TIMEOUT_S,
    )


def _files(options: SshOptions, kind: str, default: tuple[str, ...]) -> tuple[str, ...]:
    names = options.lists.get(f"{kind}knownhostsfile", default)
    return () if names == ("none",) else names


def _agent(written: str, tokens: Tokens) -> str:
    if written in ("none", "SSH_AUTH_SOCK"):
        return written
    return tokens.path(f"${{{written[1:]}}}" if written.startswith("$") else written)
