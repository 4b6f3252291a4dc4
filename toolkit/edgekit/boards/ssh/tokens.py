"""Percent tokens and ``${VARIABLES}`` in values of ssh_config. Source: ssh_config(5), TOKENS."""

from __future__ import annotations

import getpass
import hashlib
import os
import re
import socket
from typing import TYPE_CHECKING

from edgekit.core.errors import ConfigError

if TYPE_CHECKING:
    from edgekit.boards.ssh.config import SshOptions

TOKEN = re.compile(r"%(.)|\$\{([^}]*)\}")


class Tokens:
    """What each token stands for when connecting to a host."""

    def __init__(self, options: SshOptions, user: str) -> None:
        local, host, port = socket.gethostname(), options.hostname, str(options.port)
        joined = f"{local}{host}{port}{user}{options.proxy_jump}"
        self.values = {
            "%": "%",
            "C": hashlib.sha1(joined.encode(), usedforsecurity=False).hexdigest(),
            "d": os.path.expanduser("~"),
            "h": host,
            "i": str(os.getuid()),
            "j": options.proxy_jump,
            "k": options.values.get("hostkeyalias", options.host),
            "L": local.partition(".")[0],
            "l": local,
            "n": options.host,
            "p": port,
            "r": user,
            "u": getpass.getuser(),
        }

    def expand(self, text: str) -> str:
        """The text with tokens and variables replaced.

        Raises:
            ConfigError: a token or variable is not known.
        """

        def value(match: re.Match[str]) -> str:
            name = match[1] or match[2]
            found = self.values.get(name) if match[1] else os.environ.get(name)
            if found is None:
                raise ConfigError(f"ssh config: {match[0]} in {text!r} stands for nothing here")
            return found

        return TOKEN.sub(value, text)

    def path(self, text: str) -> str:
        """The text as a path: tokens, variables, and ``~``."""
        return os.path.expanduser(self.expand(text))
