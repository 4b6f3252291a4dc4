"""A few of the rounds of make bench-deploy-faults: cuts at random bytes, deployers that race."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy_faults import cut_rounds, race_rounds
from sshd import Sshd, need_sshd

pytestmark = pytest.mark.e2e


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sshd]:
    need_sshd()
    monkeypatch.setenv("EDGEKIT_CACHE_DIR", str(tmp_path / "cache"))
    with Sshd(tmp_path / "sshd") as running:
        yield running


def test_a_deployment_cut_anywhere_leaves_a_whole_release(server: Sshd, tmp_path: Path) -> None:
    tally = cut_rounds(server, tmp_path, rounds=5, size_bytes=3_000_000, seed=3)
    assert not tally.problems
    assert tally.outcomes["cut"] >= 3
    assert tally.kept_bytes > 0


def test_of_two_deployers_at_once_the_board_takes_whole_releases(
    server: Sshd, tmp_path: Path
) -> None:
    tally = race_rounds(server, tmp_path, rounds=4, size_bytes=100_000)
    assert not tally.problems
    assert tally.rounds == 4
