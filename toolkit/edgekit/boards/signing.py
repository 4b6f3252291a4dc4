"""Keys that sign releases: SSH signatures by the host's own ssh-keygen."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgekit.core.errors import ConfigError
from edgekit.toolenvs.environment import cache_folder
from edgekit_runner import wire

KEY_NAME = "release"
KEYGEN = "ssh-keygen"
TIMEOUT_S = 120
"""A key with a passphrase or on a token waits for its owner."""


@dataclass(frozen=True)
class SigningKey:
    """A key pair; the private half may also be held by ssh-agent."""

    path: Path
    """Of the private key; the public one lies beside it with .pub."""

    @property
    def public(self) -> str:
        """Type and key, as they stand in allowed_signers."""
        text = self.path.with_suffix(".pub").read_text(encoding="ascii")
        return " ".join(text.split()[:2])

    @property
    def fingerprint(self) -> str:
        """SHA256:… as ssh-keygen prints it."""
        return fingerprint_of(self.public)

    def sign(self, text: str) -> str:
        """The armoured SSH signature of a text, for releases only.

        Raises:
            ConfigError: ssh-keygen refuses the key.
        """
        argv = [KEYGEN, "-Y", "sign", "-q", "-n", wire.NAMESPACE, "-f", str(self.path)]
        return _run(argv, stdin=text.encode()).decode("ascii")


def keys_folder() -> Path:
    """Where the user's keys lie."""
    import platformdirs

    return Path(platformdirs.user_config_dir("edgekit")) / "keys"


def find_key(path: Path | None = None) -> SigningKey | None:
    """The key given, or the user's; None when there is none yet.

    Raises:
        ConfigError: the key given does not exist.
    """
    wanted = path or keys_folder() / KEY_NAME
    if wanted.with_suffix(".pub").is_file():
        return SigningKey(wanted)
    if path is not None:
        raise ConfigError(
            f"there is no signing key at {path} (with {path.with_suffix('.pub').name} beside it)",
            hint="edgekit keys init",
        )
    return None


def make_key(path: Path | None = None) -> SigningKey:
    """A new key without a passphrase, readable by its owner only.

    Raises:
        ConfigError: one is there already.
    """
    wanted = path or keys_folder() / KEY_NAME
    if wanted.exists() or wanted.with_suffix(".pub").exists():
        raise ConfigError(f"{wanted} is there already", hint="edgekit keys show")
    wanted.parent.mkdir(parents=True, exist_ok=True)
    wanted.parent.chmod(0o700)
    comment = "edgekit release key"
    _run([KEYGEN, "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(wanted)])
    return SigningKey(wanted)


def virtual_key() -> SigningKey:
    """The key of virtual boards, made on first use: it is trusted by them only."""
    path = cache_folder() / "boards" / "release_key"
    if not path.with_suffix(".pub").is_file():
        part = path.with_name(f".release_key-{os.getpid()}")
        try:
            make_key(part)
            with contextlib.suppress(FileExistsError):  # another process was faster
                os.link(part, path)
                os.replace(part.with_suffix(".pub"), path.with_suffix(".pub"))
        finally:
            part.unlink(missing_ok=True)
            part.with_suffix(".pub").unlink(missing_ok=True)
    return SigningKey(path)


def fingerprint_of(public: str) -> str:
    """Fingerprint of a public key.

    Raises:
        ConfigError: it is none.
    """
    words = _run([KEYGEN, "-l", "-f", "-"], stdin=f"{public}\n".encode()).decode().split()
    return words[1] if len(words) > 1 else ""


def _run(argv: Sequence[str], *, stdin: bytes = b"") -> bytes:
    try:
        done = subprocess.run(
            argv, input=stdin, capture_output=True, timeout=TIMEOUT_S, check=False
        )
    except FileNotFoundError as err:
        raise ConfigError(
            "signing needs ssh-keygen, which is not installed here",
            hint="sudo apt install openssh-client  (or deploy with --unsigned)",
        ) from err
    except subprocess.TimeoutExpired as err:
        raise ConfigError(f"ssh-keygen did not end within {TIMEOUT_S} s") from err
    if done.returncode != 0:
        words = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
        raise ConfigError(f"ssh-keygen refused: {words[-1][:300]}", hint="edgekit keys show")
    return done.stdout
