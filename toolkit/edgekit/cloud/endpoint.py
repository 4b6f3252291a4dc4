"""Addresses of endpoints: ``grpc://host:port``, ``https://host:port`` and their like."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit.core.errors import ConfigError
from edgekit.core.suggest import did_you_mean
from edgekit_runner import oip

SCHEMES = {
    "grpc": ("grpc", False),
    "grpcs": ("grpc", True),
    "http": ("rest", False),
    "https": ("rest", True),
}
"""Scheme to protocol, and whether it is TLS."""


@dataclass(frozen=True)
class CloudAddress:
    """Where an endpoint is, and how it is asked."""

    protocol: str
    """grpc or rest."""
    host: str
    port: int
    is_tls: bool

    def document(
        self, access: CloudAccess, *, via: tuple[str, int] | None = None
    ) -> dict[str, Any]:
        """The fields of `edgekit_runner.oip.Endpoint`; ``via`` is a link in front of it."""
        host, port = via or (self.host, self.port)
        return {
            "host": host,
            "port": port,
            "is_tls": self.is_tls,
            "token": access.token(),
            "ca_file": str(access.ca_file.absolute()) if access.ca_file else "",
            "server_name": self.host if via else "",
        }


@dataclass(frozen=True)
class CloudAccess:
    """What an endpoint asks for, and whom we trust."""

    token_file: Path | None = None
    ca_file: Path | None = None
    """Certificates (PEM) in place of the system's."""

    def token(self) -> str:
        """The bearer token; empty when there is none.

        Raises:
            ConfigError: a file is missing.
        """
        if self.ca_file is not None and not self.ca_file.is_file():
            raise ConfigError(f"{self.ca_file}: no such file")
        if self.token_file is None:
            return ""
        try:
            return self.token_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as err:
            raise ConfigError(f"{self.token_file}: cannot be read") from err


def parse_endpoint(text: str) -> CloudAddress:
    """The address of an endpoint; without a scheme it is gRPC.

    Raises:
        ConfigError: it is not of the form, or of an unknown protocol.
    """
    found = oip.parse_url(text if "://" in text else f"grpc://{text}")
    if found is None:
        raise ConfigError(
            f"{text!r} is no endpoint", hint="--cloud grpc://host:8081  or  http://host:8080"
        )
    scheme, host, port = found
    if scheme not in SCHEMES:
        raise ConfigError(
            f"{text!r}: the protocol {scheme!r} is not known", hint=did_you_mean(scheme, SCHEMES)
        )
    protocol, is_tls = SCHEMES[scheme]
    return CloudAddress(protocol, host, port, is_tls)
