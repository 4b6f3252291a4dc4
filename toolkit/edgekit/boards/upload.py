"""Sends what a board lacks, and goes on where a cut transfer ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from edgekit.boards.board_lease import BoardLease
from edgekit.boards.session import Event
from edgekit.boards.sources import Source, verified_prefix
from edgekit_runner import wire

OnBytes = Callable[[int], None]


@dataclass(frozen=True)
class Staged:
    """What has arrived of a blob."""

    size_bytes: int
    blocks: tuple[str, ...]


def staged_blobs(events: list[Event]) -> dict[str, Staged]:
    """The partial blobs that the board told of."""
    return {
        str(event["sha256"]): Staged(int(event["size"]), tuple(map(str, event["blocks"])))
        for event in events
        if event["event"] == "staged"
    }


class Upload:
    """A transfer into the board's staging folder."""

    def __init__(self, lease: BoardLease, staged: Mapping[str, Staged], on_bytes: OnBytes) -> None:
        self.lease = lease
        self.staged = staged
        self.on_bytes = on_bytes
        self.sent_bytes = 0
        self.resumed_bytes = 0
        """Bytes that an earlier transfer had brought."""

    def send(self, source: Source) -> None:
        """Sends a blob, but not the part of it that is there already and right.

        Raises:
            BoardError: the connection broke; what arrived stays for the next try.
        """
        transport = self.lease.session.transport
        folder = f"{transport.home}/{wire.HOME_FOLDER}/{wire.STAGING_FOLDER}"
        path = f"{folder}/{source.sha256}"
        offset = self._offset(source)
        self.resumed_bytes += offset
        if offset < source.size_bytes or source.size_bytes == 0:
            transport.put(source, path, offset_bytes=offset, on_bytes=self._count)

    def _count(self, size_bytes: int) -> None:
        self.sent_bytes += size_bytes
        self.on_bytes(size_bytes)

    def _offset(self, source: Source) -> int:
        partial = self.staged.get(source.sha256)
        if partial is None:
            return 0
        size = min(partial.size_bytes, source.size_bytes)
        good = verified_prefix(source, list(partial.blocks), size, wire.PREFIX_BLOCK_BYTES)
        if good and good < partial.size_bytes:
            request = self.lease.request(sha256=source.sha256, size=good)
            self.lease.session.call("trim", request)
        return good
