"""A board: how it is reached and what it says about itself now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from edgekit.core.mode import Mode
from edgekit.core.profile import FORBID_EXTRA
from edgekit.core.record import Record, Unavailable


@dataclass(frozen=True)
class BoardEntry:
    """A board of the inventory (boards.toml). No secret is ever stored here."""

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    name: str
    profile: str
    host: str = ""
    port: int = 22
    user: str = ""
    identity_file: str = ""
    known_hosts: str = ""
    """File of recorded host keys; empty means the user's own."""
    transport: str = "ssh"
    """ssh or local."""
    stand_in: bool = False
    """True when this machine stands in for a board of the profile, so that the architecture may
    differ; every number is then labelled with what really ran."""
    emulated: bool = False
    """True for an emulated machine: numbers are stamped ``emulated``."""
    tags: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    password_file: str = ""
    """File with the password, readable by its owner alone; for boards that take no keys."""
    proxy_jump: str = ""
    """Jump hosts, as in ssh_config; empty takes those of ~/.ssh/config."""
    connect_timeout_s: float = 0.0
    """0 takes ConnectTimeout of ~/.ssh/config, or 10 s to connect and 15 s to shake hands."""

    @property
    def mode(self) -> Mode:
        """How numbers from this board are stamped."""
        return Mode.EMULATED if self.emulated else Mode.MEASURED


@dataclass(frozen=True)
class BoardFacts(Record):
    """What a probe read on the board, in one round trip."""

    KIND: ClassVar[str] = "edgekit.board_facts"

    hostname: str
    arch: str
    """Architecture of the userland (what wheels must match): aarch64, armv7l, x86_64."""
    kernel_arch: str
    kernel: str
    os_name: str
    libc: str
    """glibc-2.36, musl-1.2, or empty when it could not be told."""
    python: str
    """Full version of the interpreter that runs the runner."""
    python_abi: str
    """Wheel tag of the interpreter, such as cp311."""
    cpu_model: str
    cpu_features: tuple[str, ...]
    cpu_count: int
    """Processors this process may use."""
    ram_mb: int | Unavailable
    ram_available_mb: int | Unavailable
    disk_free_mb: int | Unavailable
    board_model: str | Unavailable
    """Device tree model or DMI product name."""
    governor: str | Unavailable
    clock_mhz: float | Unavailable
    max_clock_mhz: float | Unavailable
    temperature_c: float | Unavailable
    throttled: str | Unavailable
    """Firmware throttle bits as hexadecimal."""
    engines: Mapping[str, str]
    """Engines importable without a release, name to version."""
    probed_utc: str
    elapsed_ms: float
    """The probe's own time on the board."""
