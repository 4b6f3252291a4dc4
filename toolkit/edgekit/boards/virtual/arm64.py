"""An emulated arm64 board: a whole machine with its own kernel, reached over SSH.

QEMU runs the image of scripts/make_board_image.sh with an instruction clock: time in the machine
passes by one nanosecond per instruction, so latencies repeat whatever else this machine does. They
are relative figures of a processor without caches, never a real board's speed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Self

from edgekit.boards.host_keys import host_pattern
from edgekit.boards.transports import open_transport
from edgekit.boards.virtual.coming_up import free_port, wait_for_login
from edgekit.core.board import BoardEntry
from edgekit.core.errors import BoardError
from edgekit.core.record import write_atomically
from edgekit.toolenvs.environment import cache_folder

QEMU = "qemu-system-aarch64"
PROCESSOR = "cortex-a72"
PROCESSORS = ("cortex-a53", "cortex-a72", "cortex-a76")
"""A Raspberry Pi 3 and Zero 2, a 4, a 5; the last has 8-bit dot products."""
MEMORY_MB = 1024
BOOT_TIMEOUT_S = 180
IMAGE_FILES = (
    "vmlinuz",
    "initrd",
    "root.img",
    "board.dtb",
    "id_ed25519",
    "hostkey.pub",
    "VERSION",
)
BUILD = "make demo-arm64, or: sudo -E bash scripts/make_board_image.sh"


def image_folder() -> Path:
    """Where the image lies."""
    return cache_folder() / "boards" / "arm64"


def why_unavailable() -> str:
    """Why the board cannot be started here; empty when it can."""
    if shutil.which(QEMU) is None:
        return f"{QEMU} is not installed"
    missing = [name for name in IMAGE_FILES if not (image_folder() / name).exists()]
    return f"its image is not built ({', '.join(missing)})" if missing else ""


class Arm64Board:
    """Runs the machine while the block lasts; its disk is kept between uses."""

    def __init__(
        self,
        profile: str = "",
        *,
        processor: str = PROCESSOR,
        progress: Callable[[str], None] = lambda message: None,
    ) -> None:
        self.processor = processor
        self.folder = image_folder()
        self.profile = profile or "raspberrypi"
        self.progress = progress
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = -1

    @property
    def entry(self) -> BoardEntry:
        """How the board is reached while it runs."""
        return BoardEntry(
            name="arm64",
            profile=self.profile,
            host="127.0.0.1",
            port=self.port,
            user="board",
            identity_file=str(self.folder / "id_ed25519"),
            known_hosts=str(self.folder / "known_hosts"),
            emulated=True,
        )

    def __enter__(self) -> Self:
        reason = why_unavailable()
        if reason:
            raise BoardError(f"the emulated arm64 board cannot start: {reason}", hint=BUILD)
        self.progress("starting the emulated arm64 board")
        self._take_disk()
        try:
            self._start()
            assert self._process
            log = self.folder / "qemu.log"
            wait_for_login(self.entry, self._process, log, timeout_s=BOOT_TIMEOUT_S)
        except BaseException:
            self.close()
            raise
        return self

    def _start(self) -> None:
        disk = self.folder / "board.img"
        if not disk.exists():
            # made under another name: a copy that was interrupted is not taken for a disk
            part = self.folder / "board.img.part"
            subprocess.run(
                ["cp", "--sparse=always", str(self.folder / "root.img"), str(part)], check=True
            )
            part.replace(disk)
        self.port = free_port()
        key = " ".join((self.folder / "hostkey.pub").read_text(encoding="utf-8").split()[:2])
        name = host_pattern("127.0.0.1", self.port)
        write_atomically(self.folder / "known_hosts", f"{name} {key}\n")
        with open(self.folder / "qemu.log", "wb") as log:
            self._process = subprocess.Popen(
                self._command(disk), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def __exit__(self, *details: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self._flush()
        self.close()

    def close(self) -> None:
        """Ends the machine as a power cut does; what was synced is on its disk."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _take_disk(self) -> None:
        """Two machines must never write to one disk."""
        self._lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as err:
            self.close()
            raise BoardError(
                "the emulated arm64 board is in use by another edgekit",
                hint="wait for it, then run the same command again",
            ) from err

    def _command(self, disk: Path) -> list[str]:
        folder = self.folder
        forward = f"hostfwd=tcp:127.0.0.1:{self.port}-:22"
        return [
            *_ends_with_us(),
            QEMU,
            *("-machine", "virt", "-cpu", self.processor, "-smp", "1", "-m", str(MEMORY_MB)),
            *("-accel", "tcg,thread=single", "-icount", "shift=0,align=off,sleep=on"),
            *("-dtb", str(folder / "board.dtb"), "-kernel", str(folder / "vmlinuz")),
            *("-initrd", str(folder / "initrd")),
            *("-append", "console=ttyAMA0 quiet loglevel=3 mitigations=off nokaslr"),
            *("-drive", f"if=none,id=d0,file={disk},format=raw,cache=writeback"),
            *("-device", "virtio-blk-device,drive=d0"),
            *("-netdev", f"user,id=n0,restrict=on,{forward}"),
            *("-device", "virtio-net-device,netdev=n0"),
            *("-object", "rng-random,filename=/dev/urandom,id=rng0"),
            *("-device", "virtio-rng-device,rng=rng0", "-display", "none"),
            *("-serial", f"file:{folder / 'console.log'}", "-monitor", "none", "-no-reboot"),
        ]

    def _flush(self) -> None:
        try:
            with open_transport(self.entry) as transport:
                transport.run(["sync"], timeout_s=60)
        except BoardError:
            return


def _ends_with_us() -> list[str]:
    """Has the kernel end the machine when this process dies in any way."""
    return ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
