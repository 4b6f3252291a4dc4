"""The user's ~/.ssh/config and the system's, evaluated for one host as ``ssh`` does.

The first value of an option wins; IdentityFile adds up. ``Host``, ``Match`` and ``Include`` nest as
in OpenSSH. Source: ssh_config(5) and readconf.c of OpenSSH 9.2; tests compare with ``ssh -G``.
"""

from __future__ import annotations

import getpass
import glob
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from edgekit.boards.ssh.config_file import Directive, parse_config
from edgekit.boards.ssh.patterns import matches_list
from edgekit.boards.ssh.tokens import Tokens
from edgekit.core.errors import ConfigError

SYSTEM_CONFIG = Path("/etc/ssh/ssh_config")
MAX_DEPTH = 16
"""Of includes. Source: READCONF_MAX_DEPTH of OpenSSH."""
MATCH_EXEC_TIMEOUT_S = 10
SINGLE = (
    "hostname",
    "user",
    "port",
    "hostkeyalias",
    "identitiesonly",
    "identityagent",
    "connecttimeout",
    "revokedhostkeys",
)
LISTS = ("userknownhostsfile", "globalknownhostsfile")
FLAGS = ("all", "canonical", "final")


@dataclass
class SshOptions:
    """Options for one host, as written: tokens and ``~`` are not expanded."""

    host: str
    """As the user named it."""
    values: dict[str, str] = field(default_factory=dict)
    lists: dict[str, tuple[str, ...]] = field(default_factory=dict)
    identity_files: list[str] = field(default_factory=list)
    proxy_jump: str = ""
    proxy_command: str = ""

    @property
    def hostname(self) -> str:
        """The name or address to connect to, in lower case."""
        written = self.values.get("hostname", "%h")
        return written.replace("%h", self.host).replace("%%", "%").lower()

    @property
    def user(self) -> str:
        """Empty when no file names one."""
        return self.values.get("user", "")

    @property
    def port(self) -> int:
        """22 when no file names one."""
        try:
            return int(self.values.get("port", "22"))
        except ValueError as err:
            raise ConfigError(
                f"ssh config: the port {self.values['port']!r} is no number"
            ) from err


def read_options(
    host: str, *, user: str = "", files: tuple[Path, ...] | None = None
) -> SshOptions:
    """Evaluates the configuration files for a host.

    Args:
        host: as the user named it.
        user: the user asked for, which ``Match user`` looks at.
        files: read in this order; by default the user's own and the system's.

    Raises:
        ConfigError: a file cannot be understood.
    """
    paths = (Path("~/.ssh/config").expanduser(), SYSTEM_CONFIG) if files is None else files
    options = SshOptions(host)
    if user:
        options.values["user"] = user
    reader = _Reader(options)
    for is_final in (False, True):
        reader.is_final = is_final
        for path in paths:
            if path.is_file():
                reader.read(path, is_active=True, depth=0)
        if not reader.wants_final:
            break
        reader.host = options.hostname
        options.values["hostname"] = options.hostname.replace("%", "%%")  # settled by now
    return options


class _Reader:
    """Walks the files and keeps the first value of each option."""

    def __init__(self, options: SshOptions) -> None:
        self.options = options
        self.host = options.host
        """What Host lines look at: in a final pass the resolved name."""
        self.is_final = False
        self.wants_final = False

    def read(self, path: Path, *, is_active: bool, depth: int, never: bool = False) -> None:
        if depth > MAX_DEPTH:
            raise ConfigError(f"{path}: includes nest deeper than {MAX_DEPTH}")
        try:
            text = path.read_text(encoding="utf-8", errors="surrogateescape")
        except OSError as err:
            raise ConfigError(f"{path}: cannot be read: {err.strerror}") from err
        for directive in parse_config(text, str(path)):
            if directive.keyword == "host":
                is_active = not never and matches_list(directive.words, self.host)
            elif directive.keyword == "match":
                is_active = self._match(directive) and not never
            elif directive.keyword == "include":
                for included in _included(directive, path):
                    self.read(included, is_active=is_active, depth=depth + 1, never=not is_active)
            elif is_active:
                self._take(directive)

    def _take(self, directive: Directive) -> None:
        name, options = directive.keyword, self.options
        if name == "identityfile":
            if directive.words[0] not in options.identity_files:
                options.identity_files.append(directive.words[0])
        elif name == "proxyjump":
            if not options.proxy_jump and not options.proxy_command:
                options.proxy_jump = directive.words[0]
        elif name == "proxycommand":
            if not options.proxy_jump and not options.proxy_command:
                options.proxy_command = directive.rest.strip()
        elif name in LISTS:
            options.lists.setdefault(name, directive.words)
        elif name in SINGLE:
            options.values.setdefault(name, directive.words[0])

    def _match(self, directive: Directive) -> bool:
        words = list(directive.words)
        is_matched = True
        while words:
            name = words.pop(0).lower()
            is_negated = name.startswith("!")
            name, _, value = name.removeprefix("!").partition("=")
            if name in FLAGS:
                hit = self._flag(name)
            elif value or words:
                value = value or words.pop(0)
                hit = is_matched and self._holds(name, value, directive)
            else:
                raise ConfigError(f"{directive.where}: Match {name} needs a value")
            is_matched = is_matched and hit is not is_negated
        return is_matched

    def _flag(self, name: str) -> bool:
        if name == "all":
            return True
        self.wants_final = self.wants_final or name == "final"
        return self.is_final

    def _holds(self, name: str, value: str, directive: Directive) -> bool:
        options, local_user = self.options, getpass.getuser()
        tested = {
            "host": options.values.get("hostname", "%h").replace("%h", options.host),
            "originalhost": options.host,
            "user": options.user or local_user,
            "localuser": local_user,
        }
        if name in tested:
            text = tested[name]
            if name.endswith("host"):  # unlike in Host lines, letters of any case match
                text, value = text.lower(), value.lower()
            return matches_list(value.split(","), text)
        if name != "exec":
            raise ConfigError(f"{directive.where}: Match {name} is not known here")
        command = Tokens(options, options.user or local_user).expand(value)
        shell = os.environ.get("SHELL") or "/bin/sh"
        quiet = subprocess.DEVNULL
        try:
            done = subprocess.run(
                [shell, "-c", command],
                stdin=quiet,
                stdout=quiet,
                stderr=quiet,
                timeout=MATCH_EXEC_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as err:
            raise ConfigError(f"{directive.where}: Match exec failed: {err}") from err
        return done.returncode == 0


def _included(directive: Directive, named_by: Path) -> list[Path]:
    folder = (
        SYSTEM_CONFIG.parent if named_by.is_relative_to(SYSTEM_CONFIG.parent) else Path("~/.ssh")
    )
    found: list[Path] = []
    for word in directive.words:
        pattern = os.path.expanduser(word)
        pattern = str(folder.expanduser() / pattern)  # an absolute one stays as it is
        found += [path for name in sorted(glob.glob(pattern)) if (path := Path(name)).is_file()]
    return found
