"""How fast a file gets to a board: edgekit beside scp, rsync and asyncssh, over one real sshd.

Every tool connects, sends the same 200 MB of random bytes and disconnects, at its default settings, in
turns. Then artifacts of 200 MB and 1 GB are deployed, and deployed again. Writes the section
`deploy-push`.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from bench_frame import run_bench
from benchmark_page import table
from edgekit.boards.transports import open_transport
from edgekit.convert.work import file_entries
from edgekit.core.artifact import FileEntry
from edgekit.core.record import save
from samples import artifact_card, echo_artifact
from sshd import Sshd

MEGA = 1_000_000
ASYNCSSH = """\
import asyncio, asyncssh, sys
host, port, user, key, known, source, target = sys.argv[1:]
async def main():
    options = dict(port=int(port), username=user, client_keys=[key], known_hosts=known)
    async with asyncssh.connect(host, config=None, **options) as connection:
        async with connection.start_sftp_client() as sftp:
            await sftp.put(source, target)
asyncio.run(main())
"""


@dataclasses.dataclass(frozen=True)
class Setting:
    """The server, and what is sent where."""

    server: Sshd
    source: Path
    target: Path

    @property
    def ssh_options(self) -> list[str]:
        """For OpenSSH's own programs."""
        entry = self.server.entry()
        options = ["-o", f"UserKnownHostsFile={entry.known_hosts}", "-o", "BatchMode=yes"]
        return ["-F", "/dev/null", "-i", entry.identity_file, *options]

    @property
    def there(self) -> str:
        """As scp and rsync write it."""
        entry = self.server.entry()
        return f"{entry.user}@{entry.host}:{self.target}"


def by_edgekit(setting: Setting) -> None:
    """Connects and sends."""
    with open_transport(setting.server.entry()) as transport:
        transport.put(setting.source, str(setting.target))


def by_scp(setting: Setting) -> None:
    """Scp as it comes."""
    port = str(setting.server.port)
    command = ["scp", "-q", "-P", port, *setting.ssh_options, str(setting.source), setting.there]
    subprocess.run(command, check=True)


def by_rsync(setting: Setting) -> None:
    """Rsync as it comes; the target is not there, so there is nothing to compare."""
    shell = " ".join(["ssh", "-p", str(setting.server.port), *setting.ssh_options])
    subprocess.run(["rsync", "-e", shell, str(setting.source), setting.there], check=True)


def by_asyncssh(setting: Setting) -> None:
    """Asyncssh's SFTP as it comes."""
    entry = setting.server.entry()
    words = [entry.host, str(entry.port), entry.user, entry.identity_file, entry.known_hosts]
    command = [sys.executable, "-c", ASYNCSSH, *words, str(setting.source), str(setting.target)]
    subprocess.run(command, check=True)


TOOLS: dict[str, Callable[[Setting], None]] = {
    "edgekit": by_edgekit,
    "scp": by_scp,
    "rsync": by_rsync,
    "asyncssh": by_asyncssh,
}


def main() -> None:
    """Runs everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--mb", type=int, default=200)
    parser.add_argument("--large-mb", type=int, default=1000)
    run_bench("deploy-push", "A file to a board", parser, measure)


def measure(folder: Path, options: argparse.Namespace) -> str:
    """The section: bare transfers beside peers, then whole deployments."""
    with Sshd(folder / "sshd") as server:
        speeds = push(Setting(server, folder / "source", folder / "target"), options)
        rows = [
            deployment_row(server, folder / f"deploy-{mb}", mb, options.rounds)
            for mb in (options.mb, options.large_mb)
        ]
    heads = ["artifact", "new", "unchanged, median", "range", "most memory of the host"]
    return (
        f"{described(speeds, options)}\n\n`edgekit deploy` of artifacts of random bytes, from the "
        "program's start to its end; sent, verified and activated, then the same command again, "
        f"which verifies every byte on both sides and changes nothing.\n\n{table(heads, rows)}"
    )


def push(setting: Setting, options: argparse.Namespace) -> dict[str, list[float]]:
    """MB/s of every tool in every round."""
    write_random(setting.source, options.mb * MEGA)
    speeds: dict[str, list[float]] = {name: [] for name in TOOLS if _is_there(name)}
    for number in range(options.rounds + 1):
        names = list(speeds)
        random.shuffle(names)
        for name in names:
            setting.target.unlink(missing_ok=True)
            began = time.perf_counter()
            TOOLS[name](setting)
            took_s = time.perf_counter() - began
            if setting.target.stat().st_size != setting.source.stat().st_size:
                raise SystemExit(f"{name} did not send everything")
            if number:  # the first round warms caches
                speeds[name].append(options.mb / took_s)
    return speeds


def described(speeds: dict[str, list[float]], options: argparse.Namespace) -> str:
    """The table of speeds, with each round's ratio to scp."""
    rows = []
    for name, found in sorted(speeds.items(), key=lambda item: -statistics.median(item[1])):
        ratios = [one / other for one, other in zip(found, speeds["scp"], strict=True)]
        spread = f"{min(found):.0f} to {max(found):.0f}"
        median = f"{statistics.median(found):.0f}"
        rows.append([name, median, spread, f"{statistics.median(ratios):.2f} x"])
    head = (
        f"{options.mb} MB of random bytes over a real OpenSSH server on loopback, connecting "
        f"included, {len(rows)} tools in turns, {options.rounds} rounds; every tool at its default "
        "settings; larger is better."
    )
    return f"{head}\n\n{table(['tool', 'MB/s, median', 'range', 'beside scp'], rows)}"


def deployment_row(server: Sshd, folder: Path, mb: int, rounds: int) -> list[str]:
    """Deploys a large artifact by the command line, and again; a row of the table."""
    artifact = large_artifact(folder / "artifact", mb * MEGA)
    inventory = folder / "boards.toml"
    entry = server.entry()
    lines = ["[[boards]]"]
    for field in dataclasses.fields(entry):
        value = getattr(entry, field.name)
        if value and value != field.default:
            shown = str(value).lower() if isinstance(value, bool) else repr(value)
            lines.append(f"{field.name} = {shown}")
    inventory.write_text("\n".join(lines).replace("'", '"') + "\n", encoding="utf-8")
    words = ["deploy", str(artifact), "--board", entry.name, "--inventory", str(inventory)]
    command = [sys.executable, "-m", "edgekit.cli.main", *words, "--quiet"]
    command += ["--app", f"large-{mb}", "--records", str(folder / "records")]
    first_s, memory_mb = timed(command)
    again = [timed(command) for _ in range(rounds)]
    took = [seconds for seconds, _ in again]
    peak_mb = max(memory_mb, *(peak for _, peak in again))
    cells = [f"{mb} MB", f"{first_s:.1f} s", f"{statistics.median(took):.2f} s"]
    return [*cells, f"{min(took):.2f} to {max(took):.2f} s", f"{peak_mb:.0f} MB"]


def timed(command: list[str]) -> tuple[float, float]:
    """Seconds that a command took, and the peak of its resident memory in MB.

    The kernel's ru_maxrss would count this process, too, from the moment of its fork.
    """
    began, peak_kb = time.perf_counter(), 0
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet)
    status = Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        try:
            found = re.search(r"VmHWM:\s+(\d+)", status.read_text(encoding="ascii"))
        except OSError:
            continue
        peak_kb = max(peak_kb, int(found[1]) if found else 0)
        time.sleep(0.02)
    if process.returncode != 0:
        raise SystemExit(f"{command} failed")
    return time.perf_counter() - began, peak_kb * 1024 / 1e6


def large_artifact(folder: Path, size_bytes: int) -> Path:
    """An artifact for the echo engine with a large file beside its model."""
    echo_artifact(folder)
    sha256 = write_random(folder / "large.bin", size_bytes)
    small = tuple(e for e in file_entries(folder) if e.path == "model.onnx")
    extra = FileEntry("large.bin", sha256, size_bytes)
    save(artifact_card(files=(*small, extra)), folder / "card.json")
    return folder


def write_random(path: Path, size_bytes: int) -> str:
    """Random bytes in a file; gives their hash."""
    digest, left = hashlib.sha256(), size_bytes
    with open(path, "wb") as stream:
        while left > 0:
            block = os.urandom(min(left, 1 << 22))
            stream.write(block)
            digest.update(block)
            left -= len(block)
    return digest.hexdigest()


def _is_there(name: str) -> bool:
    return name in ("edgekit", "asyncssh") or shutil.which(name) is not None


if __name__ == "__main__":
    main()
