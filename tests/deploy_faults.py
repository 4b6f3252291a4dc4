"""Deployments whose link is cut at random bytes, and deployers that race for one board.

Used by tests with a few rounds and by ``make bench-deploy-faults`` with hundreds.
"""

from __future__ import annotations

import dataclasses
import hashlib
import random
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from edgekit.boards.artifact_folder import load_card
from edgekit.boards.deploy import DeployRequest, deploy
from edgekit.boards.deploy_plan import Active
from edgekit.boards.session import runner_session
from edgekit.boards.surveying import survey_board
from edgekit.boards.transports import open_transport
from edgekit.core.artifact import FileEntry
from edgekit.core.board import BoardEntry
from edgekit.core.deploy import Deployment
from edgekit.core.errors import BoardError, VerificationFailed
from edgekit.core.record import save
from edgekit.networks.catalog import load_network
from edgekit.networks.link import LinkFaults, ShapingLink
from edgekit_runner import wire
from samples import echo_artifact
from sshd import Sshd, public

APP = "echo-model"
BEYOND_BYTES = 60_000
"""What a deployment says beside its files: handshake, survey, manifest, signature, commands."""


@dataclass
class Tally:
    """What the rounds gave."""

    rounds: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    kept_bytes: int = 0
    """Had arrived before a cut and were not sent again."""
    problems: list[str] = field(default_factory=list)


def version(folder: Path, number: int, size_bytes: int) -> Path:
    """An artifact whose large file no other version has."""
    shutil.rmtree(folder, ignore_errors=True)
    echo_artifact(folder, content=f"v{number}")
    data = random.Random(number).randbytes(size_bytes)
    (folder / "weights.bin").write_bytes(data)
    card = load_card(folder)
    extra = FileEntry("weights.bin", hashlib.sha256(data).hexdigest(), size_bytes)
    save(dataclasses.replace(card, files=(*card.files, extra)), folder / "card.json")
    return folder


def put(folder: Path, entry: BoardEntry, *, wait_s: float = 0.0) -> Deployment:
    """Deploys over a connection of its own."""
    with open_transport(entry) as transport:
        done = deploy(DeployRequest(folder, entry, wait_s=wait_s), transport).deployment
    assert done
    return done


def active(entry: BoardEntry) -> Active:
    """What the board has active now."""
    with open_transport(entry) as transport:
        return survey_board(runner_session(transport), APP).active


@contextmanager
def cut_link(server: Sshd, folder: Path, after_bytes: int) -> Iterator[BoardEntry]:
    """The server as a board whose connections are reset once so many bytes have passed."""
    faults = LinkFaults(cut_after_bytes=after_bytes)
    with ShapingLink(load_network("loopback"), "127.0.0.1", server.port, faults=faults) as link:
        known_hosts = folder / "known_hosts_of_link"
        known_hosts.write_text(f"[127.0.0.1]:{link.port} {public(server.host_key('ed25519'))}\n")
        yield server.entry(port=link.port, known_hosts=str(known_hosts))


def cut_rounds(server: Sshd, folder: Path, *, rounds: int, size_bytes: int, seed: int) -> Tally:
    """Cuts each of many deployments at a random byte, then deploys again without a fault.

    After every cut the old or the new release must be active, every byte of it right; the second
    try must work at once, and send only what had not arrived.
    """
    tally = Tally()
    chance = random.Random(seed)
    entry = server.entry()
    old = put(version(folder / "first", 0, size_bytes), entry).release
    for number in range(1, rounds + 1):
        artifact = version(folder / "next", number, size_bytes)
        after_bytes = chance.randrange(1, size_bytes + BEYOND_BYTES)
        tally.rounds += 1
        with cut_link(server, folder, after_bytes) as far:
            try:
                put(artifact, far)
                tally.outcomes["done before the cut"] += 1
            except BoardError:
                tally.outcomes["cut"] += 1
        left = active(entry)
        again = put(artifact, entry, wait_s=60)
        tally.kept_bytes += max(size_bytes - again.sent_bytes, 0) if again.changed else 0
        now = active(entry)
        if left.release not in (old, again.release) or not left.is_intact:
            tally.problems.append(f"cut after {after_bytes} bytes: {left.release} is active")
        if now.release != again.release or not now.is_intact or not now.is_confirmed:
            tally.problems.append(f"cut after {after_bytes} bytes: not deployed again: {now}")
        old = again.release
    return tally


def race_rounds(server: Sshd, folder: Path, *, rounds: int, size_bytes: int) -> Tally:
    """Has two deployers put different releases on one board at the same time, again and again.

    One may be told that the board is busy, or that a newer release came in between; at least one
    must get through, and what is active must be whole and from one that did.
    """
    tally = Tally()
    entry = server.entry()
    put(version(folder / "first", 10_000, size_bytes), entry)
    for number in range(rounds):
        results: dict[str, str] = {}
        gate = threading.Barrier(2)

        def contend(
            name: str,
            artifact: Path,
            gate: threading.Barrier = gate,
            results: dict[str, str] = results,
        ) -> None:
            gate.wait()
            try:
                results[name] = put(artifact, entry).release
            except (BoardError, VerificationFailed) as err:
                code = str(err.details.get("code", ""))
                told = {wire.ERROR_BUSY: "busy", wire.ERROR_REPLAY: "overtaken"}
                results[name] = told.get(code, f"failed: {err.message}")

        threads = []
        for k, name in enumerate(("one", "other")):
            artifact = version(folder / name, 20_000 + 2 * number + k, size_bytes)
            threads.append(threading.Thread(target=contend, args=(name, artifact)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        tally.rounds += 1
        _judge(tally, results, active(entry))
    return tally


def _judge(tally: Tally, results: dict[str, str], now: Active) -> None:
    refusals = [text for text in results.values() if text in ("busy", "overtaken")]
    failures = [text for text in results.values() if text.startswith("failed")]
    winners = [text for text in results.values() if text not in refusals + failures]
    tally.outcomes[", ".join(sorted(["done"] * len(winners) + refusals)) or "none"] += 1
    if failures or not winners or len(results) != 2:
        tally.problems.append(f"round {tally.rounds}: {results}")
    elif now.release not in winners or not now.is_intact or not now.is_confirmed:
        tally.problems.append(f"round {tally.rounds}: {now.release} is active after {results}")
