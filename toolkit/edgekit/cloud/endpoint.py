"""Addresses of endpoints: ``grpc://host:port``."""

from __future__ import annotations

import re

from edgekit.core.errors import ConfigError

ENDPOINT = re.compile(
    r"(?:(?P<scheme>[a-z0-9+]+)://)?(?P<host>\[[^\]]+\]|[^:/\s]+):(?P<port>\d+)/?"
)


def parse_endpoint(text: str) -> tuple[str, int]:
    """Host and port of an endpoint.

    Raises:
        ConfigError: it is not of the form, or of another protocol.
    """
    match = ENDPOINT.fullmatch(text)
    if match is None or not 0 < int(match["port"]) < 65536:
        raise ConfigError(f"{text!r} is no endpoint", hint="--cloud grpc://host:8081")
    if match["scheme"] not in (None, "grpc"):
        raise ConfigError(
            f"{text!r}: edgekit measures over gRPC, which costs the least",
            hint=f"--cloud grpc://{match['host']}:8081",
        )
    return match["host"].strip("[]"), int(match["port"])
