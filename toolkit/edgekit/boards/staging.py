"""Brings a release to a board's staging folder by whatever costs the fewest bytes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from edgekit.boards import sent_files
from edgekit.boards.board_lease import BoardLease
from edgekit.boards.bundling import Release
from edgekit.boards.deploy_plan import Active, upload_order
from edgekit.boards.difference import Difference, try_difference
from edgekit.boards.session import Event
from edgekit.boards.sources import BytesSource, Source
from edgekit.boards.stopwatch import Meter
from edgekit.boards.upload import Upload, staged_blobs
from edgekit.core.units import format_bytes

Progress = Callable[[str], None]
SLOW_BYTES_S = 3_000_000
"""Below this rate packing is faster than sending: gzip 6 packs over 20 MB/s, measured, and spares
about a sixth of int8 weights (facts of the deployment study, E5)."""
RATE_BYTES = 200_000
"""Sent before the rate is believed."""


@dataclass(frozen=True)
class Staged:
    """What was sent."""

    sent_bytes: int
    spared_bytes: int
    """By differences and packing."""
    differences: tuple[dict[str, object], ...]
    """As ``install`` wants to hear of them."""


class Staging:
    """The transfer of one release to one board."""

    def __init__(
        self, lease: BoardLease, release: Release, active: Active, progress: Progress
    ) -> None:
        self.lease = lease
        self.release = release
        self.progress = progress
        self.bases = _bases(active, release)

    def send(self, events: list[Event], *, is_whole: bool = False) -> Staged:
        """Sends what is missing.

        Args:
            events: what the board said about the wanted blobs (``have`` and ``staged``).
            is_whole: True to send files as they are, after a difference did not fit.

        Raises:
            BoardError: the connection broke; what arrived stays for the next try.
        """
        present = next(frozenset(e["sha256"]) for e in events if e["event"] == "have")
        order = upload_order(self.release.bundle, present)
        total = sum(order.values())
        if order:
            self.progress(f"sending {len(order)} files, {format_bytes(total)}")
        partial = staged_blobs(events)
        upload = Upload(self.lease, partial, Meter(total, self.progress).add)
        differences = []
        started = time.monotonic()
        for sha256 in order:
            source = self.release.sources[sha256]
            found = None
            if not is_whole and sha256 not in partial:
                rate = upload.sent_bytes / max(time.monotonic() - started, 1e-6)
                is_slow = upload.sent_bytes >= RATE_BYTES and rate < SLOW_BYTES_S
                found = self._difference(source, is_slow=is_slow)
            if found is None:
                upload.send(source)
                continue
            packed = BytesSource(found.data)
            upload.send(packed)
            differences.append(_told(found, packed))
        if upload.resumed_bytes:
            self.progress(f"{format_bytes(upload.resumed_bytes)} had arrived before")
        spared = total - upload.sent_bytes - upload.resumed_bytes
        if differences:
            self.progress(f"{format_bytes(spared)} spared by sending differences")
        return Staged(upload.sent_bytes, spared, tuple(differences))

    def _difference(self, source: Source, *, is_slow: bool) -> Difference | None:
        if not sent_files.SMALLEST_BYTES <= source.size_bytes <= sent_files.LARGEST_BYTES:
            return None
        base = self.bases.get(source.sha256, "")
        old = sent_files.recall(base) if base else None
        if old is None and not is_slow:
            return None
        with source.open() as stream:
            new = stream.read()
        data = try_difference(old or b"", new, is_slow=is_slow)
        if data is None:
            return None
        return Difference(data, base if old is not None else "", source.sha256, len(new))


def _bases(active: Active, release: Release) -> Mapping[str, str]:
    """Hash of each wanted file to that of the file of the same path that is active now."""
    if not active.manifest or not active.is_intact:
        return {}
    manifest = json.loads(active.manifest)
    before = {str(entry["path"]): str(entry["sha256"]) for entry in manifest["files"]}
    return {
        entry.sha256: before[entry.path]
        for entry in release.bundle.files
        if entry.path in before and before[entry.path] != entry.sha256
    }


def _told(found: Difference, packed: BytesSource) -> dict[str, object]:
    return {
        "base": found.base,
        "target": found.target,
        "difference": packed.sha256,
        "size_bytes": found.size_bytes,
    }
