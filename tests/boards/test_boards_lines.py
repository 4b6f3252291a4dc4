"""What a board prints: kept as a whole, or handed on line by line without being kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.boards.transports import contract
from edgekit.boards.transports.contract import Lines
from edgekit.core.errors import BoardError


@given(st.lists(st.text(alphabet="ab\n", max_size=6).map(str.encode), max_size=12))
def test_lines_are_the_same_however_the_bytes_arrive(blocks: list[bytes]) -> None:
    found: list[bytes] = []
    lines = Lines(found.append)
    kept = Lines(None)
    for block in blocks:
        lines.feed(block)
        kept.feed(block)
    whole = b"".join(blocks)
    assert kept.data == whole
    assert [*found, lines.data] == whole.split(b"\n")


def test_a_long_run_is_not_kept_and_not_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contract, "MAX_OUTPUT_BYTES", 1000)
    count = 0

    def take(line: bytes) -> None:
        nonlocal count
        count += 1

    lines = Lines(take)
    for _ in range(500):
        lines.feed(b"x" * 99 + b"\n" + b"y" * 99 + b"\n")
    assert count == 1000
    assert lines.data == b""
    with pytest.raises(BoardError, match="more than 1000 bytes"):  # a line without an end
        lines.feed(b"x" * 1001)
    with pytest.raises(BoardError, match="more than 1000 bytes"):
        Lines(None).feed(b"\n" * 1001)
