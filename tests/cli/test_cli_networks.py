"""``--network`` often, or with commas."""

from __future__ import annotations

import pytest

from edgekit.cli.options import chosen_networks
from edgekit.core.errors import ConfigError


def test_networks_are_named_often_or_with_commas() -> None:
    assert [network.id for network in chosen_networks(["fiber, 4g", "cable"])] == [
        "fiber",
        "4g",
        "cable",
    ]
    assert chosen_networks([]) == ()


@pytest.mark.parametrize(
    ("names", "said"), [(["fiber,fiber"], "named twice"), (["fibre"], "no network is called")]
)
def test_networks_that_are_none(names: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        chosen_networks(names)
