"""Rollouts to many boards: 1,000 with silent ones among them, and 100 beside Ansible and pyinfra.

The boards are homes behind real OpenSSH servers on loopback, a key each; a silent one accepts the
connection and never says a word. Writes the section `deploy-fleet`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from bench_deploy_push import timed, write_random
from bench_frame import run_bench
from benchmark_page import table
from edgekit.boards.ansible import export_ini
from edgekit.boards.inventory import list_boards
from edgekit.core.board import BoardEntry
from peers import ANSIBLE, PYINFRA, peer_program
from samples import echo_artifact
from targets import Targets

BOARDS_PER_SERVER = 100
SILENT_SHARE = 0.05
TIMEOUT_S = 5.0
PLAY = """\
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.copy: {src: "@source@", dest: "{{ home }}/"}
    - ansible.builtin.command: uname -a
"""
PYINFRA_PLAN = """\
from pyinfra import host
from pyinfra.operations import files, server
files.put(src="@source@", dest=host.data.home + "/@name@")
server.shell(commands=["uname -a"])
"""


def main() -> None:
    """Runs everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boards", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=32)
    parser.add_argument("--hosts", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    run_bench("deploy-fleet", "Many boards", parser, measure)


def measure(folder: Path, options: argparse.Namespace) -> str:
    """The section: the large rollout, then the peers; either is left out when it has no boards."""
    parts = [roll_out(folder / "fleet", options)] if options.boards else []
    parts += [beside_peers(folder / "peers", options)] if options.hosts else []
    return "\n\n".join(parts)


@contextlib.contextmanager
def boards(
    folder: Path, count: int, *, silent_share: float, settings: tuple[str, ...] = ()
) -> Iterator[Path]:
    """An inventory of boards, a server for each hundred."""
    with contextlib.ExitStack() as stack:
        texts = []
        for number, begin in enumerate(range(0, count, BOARDS_PER_SERVER)):
            size = min(BOARDS_PER_SERVER, count - begin)
            place = folder / str(number)
            silent = round(size * silent_share)
            lab = Targets(place, size, silent=silent, settings=settings, first=begin)
            targets = stack.enter_context(lab)
            texts.append(targets.inventory.read_text(encoding="utf-8"))
        inventory = folder / "lab.toml"
        inventory.write_text("\n".join(texts), encoding="utf-8")
        yield inventory


def roll_out(folder: Path, options: argparse.Namespace) -> str:
    """Deploys to all of them by the command line."""
    artifact = echo_artifact(folder / "artifact")
    with boards(folder, options.boards, silent_share=SILENT_SHARE) as inventory:
        command = [sys.executable, "-m", "edgekit.cli.main", "deploy", str(artifact), "--quiet"]
        command += ["--fleet", str(inventory), "--records", str(folder / "records")]
        command += ["--canary", "1", "--wave", "100%", "--max-fail", "10%"]
        command += ["--threads", str(options.threads), "--connect-timeout", f"{TIMEOUT_S:g}"]
        first = report_of(command, folder)
        again = report_of([*command, "--restart"], folder)
    rows = [described(name, one, options) for name, one in (("new", first), ("unchanged", again))]
    heads = ["release", "boards", "good", "silent", "took", "ideal", "beside it", "memory"]
    return (
        f"`edgekit deploy --fleet` to {options.boards} boards, {SILENT_SHARE:.0%} of them silent, "
        f"{options.threads} at a time, {TIMEOUT_S:g} s to answer; servers and controller share this "
        "machine. Ideal: the time of every board and every time-out, divided by the threads.\n\n"
        + table(heads, rows)
    )


def report_of(command: list[str], folder: Path) -> tuple[dict[str, object], float]:
    """The rollout's record, and the controller's memory in MB."""
    _, memory_mb = timed(command)
    (path,) = (folder / "records").glob("fleet-*.json")
    return json.loads(path.read_text(encoding="utf-8")), memory_mb


def described(
    name: str, found: tuple[dict[str, object], float], options: argparse.Namespace
) -> list[str]:
    """A row of the table."""
    report, memory_mb = found
    rows = report["rows"]
    assert isinstance(rows, list)
    took_s = float(str(report["took_s"]))
    ideal_s = sum(row["took_s"] for row in rows) / options.threads
    good = sum(row["state"] in ("done", "unchanged") for row in rows)
    failed = sum(row["state"] == "failed" for row in rows)
    cells = [name, str(len(rows)), str(good), str(failed), f"{took_s:.1f} s", f"{ideal_s:.1f} s"]
    return [*cells, f"{took_s / ideal_s:.2f} x", f"{memory_mb:.0f} MB"]


def beside_peers(folder: Path, options: argparse.Namespace) -> str:
    """One file and one command on each host, by us and by two peers, in turns."""
    folder.mkdir()
    source = folder / "payload.bin"
    write_random(source, 5_000_000)
    patient = ("MaxStartups 1000",)  # pyinfra gives a board up that a busy sshd turned away
    with boards(folder / "boards", options.hosts, silent_share=0, settings=patient) as inventory:
        commands = peer_commands(folder, inventory, source, options.threads)
        took: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(options.rounds):
            names = list(commands)
            random.shuffle(names)
            for name in names:
                for home in (folder / "boards").glob("*/homes/*"):
                    (home / source.name).unlink(missing_ok=True)
                seconds, _ = timed(commands[name])
                arrived = len(list((folder / "boards").glob(f"*/homes/*/{source.name}")))
                if arrived != options.hosts:
                    raise SystemExit(f"{name}: {arrived} of {options.hosts} hosts have the file")
                took[name].append(seconds)
    rows = []
    for name, found in sorted(took.items(), key=lambda item: statistics.median(item[1])):
        ratios = [one / ours for one, ours in zip(found, took["edgekit"], strict=True)]
        spread = f"{min(found):.1f} to {max(found):.1f} s"
        rows.append(
            [
                name,
                f"{statistics.median(found):.1f} s",
                spread,
                f"{statistics.median(ratios):.1f} x",
            ]
        )
    return (
        f"One file of 5 MB copied to and one command run on {options.hosts} hosts, "
        f"{options.threads} at a time, the program's start included, in turns, {options.rounds} "
        "rounds; smaller is better.\n\n" + table(["tool", "median", "range", "beside ours"], rows)
    )


def peer_commands(
    folder: Path, inventory: Path, source: Path, threads: int
) -> dict[str, list[str]]:
    """What each tool is called with."""
    os.environ |= {"ANSIBLE_LOCALHOST_WARNING": "false", "ANSIBLE_PIPELINING": "true"}
    hosts, play = folder / "hosts.ini", folder / "play.yml"
    # relative paths begin in the account's home for both, whatever HOME the session has
    ini = export_ini(list_boards(inventory))
    for board in list_boards(inventory):
        ini = ini.replace(f"{board.name} ", f"{board.name} home={home_of(board)} ", 1)
    hosts.write_text(ini, encoding="utf-8")
    play.write_text(PLAY.replace("@source@", str(source)), encoding="utf-8")
    plan, lab = folder / "plan.py", folder / "lab.py"
    plan.write_text(
        PYINFRA_PLAN.replace("@source@", str(source)).replace("@name@", source.name),
        encoding="utf-8",
    )
    entries = [
        (
            board.name,
            {
                "ssh_hostname": board.host,
                "ssh_port": board.port,
                "ssh_user": board.user,
                "ssh_key": board.identity_file,
                "ssh_known_hosts_file": board.known_hosts,
                "home": str(home_of(board)),
            },
        )
        for board in list_boards(inventory)
    ]
    lab.write_text(f"boards = {entries!r}\n", encoding="utf-8")
    ours = str(Path(__file__).resolve().parent / "deploy_bench_hosts.py")
    ansible = peer_program(ANSIBLE, "ansible-playbook")
    pyinfra = peer_program(PYINFRA, "pyinfra")
    return {
        "edgekit": [sys.executable, ours, str(inventory), str(source), str(threads)],
        "Ansible": [ansible, "-i", str(hosts), "-f", str(threads), str(play)],
        "pyinfra": [pyinfra, "-y", "--parallel", str(threads), str(lab), str(plan)],
    }


def home_of(board: BoardEntry) -> Path:
    """Where the board's commands begin; see Targets."""
    key = Path(board.identity_file)
    return key.parent.parent / "homes" / key.name


if __name__ == "__main__":
    main()
