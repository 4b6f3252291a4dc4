"""The userland of an emulated board: another processor's programs on this machine's kernel.

QEMU translates every program of a Debian for that processor (scripts/make_userland.sh), its SSH server
included. It is lighter than a whole machine and, unlike it, has 32-bit ARM; /sys is a tree of plain
files that can be edited while it runs. Speed says nothing about a board, and figures are stamped
emulated. The kernel learns to start foreign programs in a user namespace of the board's own, so
nothing changes for other programs of this machine (Linux 6.7 or newer; root, for the mounts).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from edgekit.boards.host_keys import host_pattern
from edgekit.boards.virtual.coming_up import free_port, wait_for_login
from edgekit.boards.virtual.fake_sys import write_tree
from edgekit.core.board import BoardEntry
from edgekit.core.errors import BoardError, ConfigError
from edgekit.core.profile import DeviceProfile
from edgekit.core.record import write_atomically
from edgekit.profiles.device import load_profile
from edgekit.toolenvs.environment import cache_folder

LOGIN_TIMEOUT_S = 120
"""Its first login takes a second or two, on a busy machine more."""
MAP_TIMEOUT_S = 10
IDS = 65_536
PROGRAMS = ("unshare", "nsenter", "setpriv", "bash", "mount", "chroot")
START = r"""
set -e
R=$1 B=$2 PORT=$3 FORMATS=$4; export QEMU_CPU=$5
mkdir -p "$B/formats"
mount -t binfmt_misc binfmt_misc "$B/formats"
cat "$FORMATS" > "$B/formats/register"
mount --bind "$R" "$R"
mount -t proc proc "$R/proc"
mount --bind "$B/cpuinfo" "$R/proc/cpuinfo"
mount --bind "$B/sys" "$R/sys"
mount -t tmpfs -o mode=755 tmpfs "$R/dev"
mkdir "$R/dev/pts" "$R/dev/shm"
for d in null zero full random urandom tty; do touch "$R/dev/$d"; mount --bind "/dev/$d" "$R/dev/$d"; done
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$R/dev/pts"
ln -s pts/ptmx "$R/dev/ptmx"
ln -s /proc/self/fd "$R/dev/fd"
mount -t tmpfs tmpfs "$R/dev/shm"
mount -t tmpfs -o mode=755 tmpfs "$R/run"
mkdir "$R/run/sshd"
hostname edgekit-board
exec chroot "$R" /usr/sbin/sshd -D -e -f /etc/ssh/board_config
"""
CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey /etc/ssh/board_key
AuthorizedKeysFile /etc/ssh/board_authorized_keys
PidFile none
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin no
UseDNS no
SetEnv QEMU_CPU={processor}
Subsystem sftp internal-sftp
"""


@dataclass(frozen=True)
class UserlandKind:
    """One processor architecture."""

    name: str
    arch: str
    debian: str
    """As Debian calls it."""
    formats: Path
    """How the kernel recognises its programs, as Debian's qemu-user-static ships it."""
    processor: str
    """QEMU's, where the profile's is none that it has."""
    profile: str
    """What it stands for unless told otherwise."""


KINDS = {
    kind.name: kind
    for kind in (
        UserlandKind(
            "arm64-user",
            "aarch64",
            "arm64",
            Path("/usr/lib/binfmt.d/qemu-aarch64.conf"),
            "cortex-a72",
            "raspberrypi-4b",
        ),
        UserlandKind(
            "armv7-user",
            "armv7l",
            "armhf",
            Path("/usr/lib/binfmt.d/qemu-arm.conf"),
            "cortex-a15",
            "raspberrypi-4b-32bit",
        ),
    )
}
PROCESSORS = {"aarch64": ("cortex-a53", "cortex-a72", "cortex-a76"), "armv7l": ("cortex-a7",)}
"""Of QEMU's, those that profiles name."""


def userland_folder(kind: UserlandKind) -> Path:
    """Where the userland lies that every board of the kind is a copy of."""
    return cache_folder() / "boards" / kind.name


def why_unavailable(kind: UserlandKind) -> str:
    """Why such a board cannot be started here; empty when nothing is known against it."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"{missing[0]} is not installed"
    if not kind.formats.exists():
        return "qemu-user-static is not installed"
    if not (userland_folder(kind) / "VERSION").exists():
        return "its userland is not built"
    return "" if os.geteuid() == 0 else "it needs root, for its mounts"


class UserlandBoard:
    """Runs while the block lasts; its disk is a folder, and is kept."""

    def __init__(
        self,
        kind: str,
        folder: Path,
        *,
        profile: str = "",
        name: str = "",
        progress: Callable[[str], None] = lambda message: None,
    ) -> None:
        self.kind = KINDS[kind]
        self.folder = folder
        self.name = name or kind
        self.profile = _profile(self.kind, profile)
        self.progress = progress
        self.port = 0
        self._holder: subprocess.Popen[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def sys(self) -> Path:
        """The board's /sys: what is written here shows there at once."""
        return self.folder / "sys"

    @property
    def entry(self) -> BoardEntry:
        """How the board is reached while it runs."""
        return BoardEntry(
            name=self.name,
            profile=self.profile.id,
            host="127.0.0.1",
            port=self.port,
            user="board",
            identity_file=str(self.folder / "client_key"),
            known_hosts=str(self.folder / "known_hosts"),
            emulated=True,
        )

    def __enter__(self) -> Self:
        reason = why_unavailable(self.kind)
        if reason:
            raise BoardError(
                f"a board of kind {self.kind.name} cannot start: {reason}",
                hint=f"sudo -E bash scripts/make_userland.sh {self.kind.debian}",
            )
        self.progress(f"starting {self.name}")
        try:
            self._prepare()
            self._start()
            assert self._process
            log = self.folder / "log"
            wait_for_login(self.entry, self._process, log, timeout_s=LOGIN_TIMEOUT_S)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends it with everything that runs there, as a power cut does."""
        for process in (self._process, self._holder):
            if process is not None:
                process.kill()
                process.wait()
        self._process = self._holder = None

    def _prepare(self) -> None:
        """Copies the disk on first use, and writes what is this start's own."""
        self.folder.mkdir(parents=True, exist_ok=True)
        root = self.folder / "root"
        if not root.exists():
            # made under another name: a copy that was interrupted is not taken for a disk
            part = self.folder / "root.part"
            shutil.rmtree(part, ignore_errors=True)
            source = userland_folder(self.kind) / "root"
            subprocess.run(["cp", "-a", "--reflink=auto", str(source), str(part)], check=True)
            part.replace(root)
        if not self.sys.exists():
            write_tree(self.folder, self.profile)
        self.port = free_port()
        etc = root / "etc" / "ssh"
        public = _key(etc / "board_key")
        ours = _key(self.folder / "client_key")
        (etc / "board_authorized_keys").write_text(ours + "\n", encoding="ascii")
        text = CONFIG.format(port=self.port, processor=self._processor())
        (etc / "board_config").write_text(text, encoding="ascii")
        name = host_pattern("127.0.0.1", self.port)
        write_atomically(self.folder / "known_hosts", f"{name} {public}\n")

    def _start(self) -> None:
        """Two processes: one holds the user namespace, the other is the board in it."""
        ends_with_us = ["setpriv", "--pdeathsig", "KILL"]
        self._holder = subprocess.Popen(
            [*ends_with_us, "unshare", "--user", "sleep", "infinity"], stdin=subprocess.DEVNULL
        )
        _map_ids(self._holder)
        inside = [
            "nsenter",
            "--user",
            "-t",
            str(self._holder.pid),
            "--setuid",
            "0",
            "--setgid",
            "0",
        ]
        spaces = ["unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child"]
        root, formats = self.folder / "root", self.kind.formats
        words = [str(root), str(self.folder), str(self.port), str(formats), self._processor()]
        with open(self.folder / "log", "wb") as log:
            self._process = subprocess.Popen(
                [*inside, "--", *ends_with_us, *spaces, "bash", "-c", START, "board", *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _processor(self) -> str:
        kind = self.profile.cores[0].kind
        return kind if kind in PROCESSORS[self.kind.arch] else self.kind.processor


def _profile(kind: UserlandKind, name: str) -> DeviceProfile:
    """The board type that it stands for, by its own id.

    Raises:
        ConfigError: that type has another processor.
    """
    found = load_profile(name or kind.profile)
    found = load_profile(found.alias_of) if found.alias_of else found
    if found.arch != kind.arch:
        known = " or ".join(other.name for other in KINDS.values() if other.arch == found.arch)
        raise ConfigError(
            f"{found.id} has {found.arch}, a board of kind {kind.name} has {kind.arch}",
            hint=f"--kind {known}" if known else f"--profile {kind.profile}",
        )
    return found


def _map_ids(holder: subprocess.Popen[bytes]) -> None:
    """Gives the user namespace every user and group under its own number, once it is there."""
    folder = Path(f"/proc/{holder.pid}")
    ours = Path("/proc/self/ns/user").readlink()
    deadline = time.monotonic() + MAP_TIMEOUT_S
    while holder.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if (folder / "ns" / "user").readlink() != ours:
                for name in ("uid_map", "gid_map"):
                    (folder / name).write_text(f"0 0 {IDS}\n", encoding="ascii")
                return
        time.sleep(0.01)
    raise BoardError("this kernel or container allows no user namespaces")


def _key(path: Path) -> str:
    """Makes a key pair unless it is there; gives the public half."""
    if not path.exists():
        key = Ed25519PrivateKey.generate()
        private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        write_atomically(path, private.decode("ascii"), mode=0o600)
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        write_atomically(path.with_suffix(".pub"), public.decode("ascii") + "\n")
    return path.with_suffix(".pub").read_text(encoding="ascii").strip()
