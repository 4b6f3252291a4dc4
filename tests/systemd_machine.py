"""A systemd of its own, as PID 1 of its own namespaces, over a throw-away copy of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from edgekit.boards.transports.contract import Completed, Lines, OnBytes, OnLine, Source, blocks_of

SYSTEMD = "/lib/systemd/systemd"
START_TIMEOUT_S = 60
SCRIPT = r"""
set -e
exec </dev/null
T=$1; mount -t tmpfs tmpfs $T; mkdir $T/up $T/work $T/root; R=$T/root
mount -t overlay overlay -o lowerdir=/,upperdir=$T/up,workdir=$T/work $R
mount -t proc proc $R/proc
mount --bind $R/proc/sys $R/proc/sys
mount -o remount,bind,ro $R/proc/sys
mount -t sysfs sysfs $R/sys -o ro
mount -t tmpfs tmpfs $R/run
mount -t tmpfs tmpfs $R/tmp
mount --rbind /dev $R/dev
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  mount -t cgroup2 cgroup2 $R/sys/fs/cgroup
else
  mount -t tmpfs cgroup $R/sys/fs/cgroup -o mode=755
  mkdir $R/sys/fs/cgroup/systemd
  mount -t cgroup -o none,name=systemd cgroup $R/sys/fs/cgroup/systemd
fi
rm -rf $R/etc/systemd/system/*.wants $R/root/.edgekit
echo 0123456789abcdef0123456789abcdef > $R/etc/machine-id
exec chroot $R env -i container=lxc PATH=$PATH /lib/systemd/systemd --system --unit=basic.target
"""


class NotPossible(Exception):
    """This machine cannot do it."""


class SystemdMachine:
    """Implements Transport: commands run inside, as root, with /root as home."""

    home = "/root"

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.group = _cgroup_root() / f"edgekit-test-{os.getpid()}"
        self.group.mkdir()
        self.log = (folder / "log").open("wb")
        join = f"echo $$ > {self.group}/cgroup.procs; exec "
        unshare = "unshare --mount --pid --fork --uts --ipc --cgroup --kill-child "
        (folder / "root").mkdir()
        (folder / "start.sh").write_text(SCRIPT)
        line = f"{join}{unshare} bash {folder}/start.sh {folder}/root"
        self.process = subprocess.Popen(
            ["bash", "-c", line],
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )
        try:
            self.init = self._wait()
        except BaseException:
            self.close()
            raise

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_s: float = 60,
        on_line: OnLine | None = None,
    ) -> Completed:
        """See Transport."""
        path = f"{sys.base_prefix}/bin:{os.defpath}:/usr/sbin:/sbin"
        prefix = ["nsenter", "-t", str(self.init), "-m", "-u", "-i", "-p", "-r", "-w"]
        environment = ["env", "-i", f"PATH={path}", "HOME=/root", "USER=root"]
        done = subprocess.run(
            [*prefix, *environment, *argv],
            input=stdin,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
        lines = Lines(on_line)
        lines.feed(done.stdout)
        return Completed(done.returncode, done.stdout, done.stderr)

    def put(
        self,
        source: Source,
        path: str,
        *,
        offset_bytes: int = 0,
        on_bytes: OnBytes | None = None,
    ) -> None:
        """See Transport."""
        data = b"".join(blocks_of(source, offset_bytes, 1 << 20))
        sign = ">>" if offset_bytes else ">"
        done = self.run(["sh", "-c", f'cat {sign} "$0"', path], stdin=data)
        assert done.code == 0, done.stderr
        if on_bytes:
            on_bytes(len(data))

    def get(self, path: str) -> bytes:
        """See Transport."""
        return self.run(["cat", path]).stdout

    def close(self) -> None:
        """Ends it with everything in it."""
        self.process.kill()
        self.process.wait()
        self.log.close()
        deadline = time.monotonic() + 10
        while self.group.exists() and time.monotonic() < deadline:
            folders = sorted(self.group.rglob("*/"), key=lambda path: -len(path.parts))
            for path in [*folders, self.group]:
                try:
                    path.rmdir()
                except OSError:
                    continue

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def _wait(self) -> int:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            init = _child_of(self.process.pid)
            if init and Path(f"/proc/{init}/comm").read_text() == "systemd\n":
                self.init = init
                state = self.run(["systemctl", "is-system-running"]).stdout.strip()
                if state in (b"running", b"degraded"):
                    return init
            time.sleep(0.1)
        raise NotPossible(Path(self.log.name).read_text()[-500:])


def missing_program() -> str:
    """What is not installed (scripts/install_system_packages.sh does it); empty when all is."""
    missing = [name for name in ("unshare", "nsenter", SYSTEMD) if not shutil.which(name)]
    return missing[0] if missing else ""


def _cgroup_root() -> Path:
    named = Path("/sys/fs/cgroup/systemd")
    return named if named.is_dir() else Path("/sys/fs/cgroup")


def _child_of(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return 0
    return int(text.split()[0]) if text.split() else 0
