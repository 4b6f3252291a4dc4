"""docs/lag.md says what the rules say."""

from __future__ import annotations

from edgekit.explain.edge_parts import LOSSES
from edgekit.explain.ledger import HANDSHAKES, WORK
from gen_lag_page import PAGE, page


def test_every_rule_has_its_section() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert page(text) == text, "run scripts/gen_lag_page.py"


def test_every_share_is_in_the_table() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in (*(loss for loss, _, _ in LOSSES), *WORK, *HANDSHAKES):
        assert name in text
