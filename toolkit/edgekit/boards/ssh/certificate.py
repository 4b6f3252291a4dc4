"""Host certificates: who signed them, for which names, until when. Source: PROTOCOL.certkeys."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass

HOST_CERTIFICATE = 2
SIGNATURES = frozenset(
    {
        "ssh-ed25519",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "rsa-sha2-256",
        "rsa-sha2-512",
    }
)
"""Source: CASignatureAlgorithms, ssh_config(5): no SHA-1."""


@dataclass(frozen=True)
class HostCertificate:
    """What a certificate claims, and whether its signature holds."""

    authority: bytes
    """The public key that signed it; empty when it cannot be understood."""
    kind: int = 0
    principals: tuple[str, ...] = ()
    valid_from_s: int = 0
    valid_until_s: int = 0
    has_critical_options: bool = False
    is_signed: bool = False

    def why_invalid(self, host: str, *, now_s: float | None = None) -> str:
        """Why it does not vouch for a host; empty when it does.

        As in OpenSSH 9.2, names are compared whole, and a certificate without any vouches for
        every host of its authority.
        """
        now = time.time() if now_s is None else now_s
        if not self.is_signed:
            return "its signature does not hold"
        if self.kind != HOST_CERTIFICATE:
            return "it is no host certificate"
        if not self.valid_from_s <= now < self.valid_until_s:
            return "it is not valid now"
        if self.has_critical_options:
            return "it has options that hosts must not have"
        if self.principals and host not in self.principals:
            return "it does not name this host"
        return ""


def read_certificate(blob: bytes) -> HostCertificate:
    """The certificate in a host key blob; one that cannot be understood vouches for nothing."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import (
        SSHCertificate,
        load_ssh_public_identity,
    )

    line = take_string(blob, 0)[0] + b" " + base64.b64encode(blob)
    try:
        found = load_ssh_public_identity(line)
        if not isinstance(found, SSHCertificate):
            return HostCertificate(b"")
        authority, signature = _authority_and_signature(blob)
        found.verify_cert_signature()
    except (ValueError, UnsupportedAlgorithm, InvalidSignature):
        return HostCertificate(b"")
    return HostCertificate(
        authority=authority,
        kind=found.type.value,
        principals=tuple(name.decode("utf-8", "replace") for name in found.valid_principals),
        valid_from_s=found.valid_after,
        valid_until_s=found.valid_before,
        has_critical_options=bool(found.critical_options),
        is_signed=take_string(signature, 0)[0].decode("ascii", "replace") in SIGNATURES,
    )


def take_string(data: bytes, at: int) -> tuple[bytes, int]:
    """A string of SSH's wire format, and where it ends."""
    end = at + 4 + int.from_bytes(data[at : at + 4], "big")
    return data[at + 4 : end], end


def _authority_and_signature(blob: bytes) -> tuple[bytes, bytes]:
    """Fields that the library does not give; it has checked the structure."""
    kind, at = take_string(blob, 0)
    for _ in range(1 + (1 if kind.startswith(b"ssh-ed25519") else 2)):  # nonce, key
        _, at = take_string(blob, at)
    at += 8 + 4  # serial, kind
    for _ in range(2):  # key id, principals
        _, at = take_string(blob, at)
    at += 8 + 8  # validity
    for _ in range(3):  # critical options, extensions, reserved
        _, at = take_string(blob, at)
    authority, at = take_string(blob, at)
    return authority, take_string(blob, at)[0]
