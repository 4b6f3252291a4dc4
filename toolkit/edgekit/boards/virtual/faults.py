"""What can go wrong on the way to a virtual board, as typed: ``cut=5M``, ``delay=40``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from edgekit.core.errors import ConfigError
from edgekit.core.network import NetworkProfile
from edgekit.core.suggest import did_you_mean
from edgekit.networks.link import LinkFaults

NUMBER = re.compile(r"(\d+(?:\.\d+)?)([kMG]?)")
SCALE = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}
NAMES = ("cut", "stall", "delay", "jitter", "rate", "loss")


@dataclass(frozen=True)
class WayToBoard:
    """The network to a board, and what breaks on it once."""

    network: NetworkProfile
    faults: LinkFaults


def parse_faults(words: Iterable[str], network: NetworkProfile) -> WayToBoard:
    """Faults on top of a network.

    Args:
        words: ``cut=BYTES`` resets connections after so many bytes, ``stall=BYTES`` lets nothing
            pass any more after them, ``delay=MS`` is the round trip, ``jitter=MS``,
            ``rate=KBIT`` per second both ways, ``loss=PERCENT``; k, M and G multiply.
        network: what they change.

    Raises:
        ConfigError: a word is none of these.
    """
    way = WayToBoard(network, LinkFaults())
    for word in words:
        name, _, text = word.partition("=")
        match = NUMBER.fullmatch(text)
        if name not in NAMES or match is None:
            raise ConfigError(
                f"{word!r} is no fault: expected name=number, as in cut=5M",
                hint=did_you_mean(name, NAMES),
            )
        way = _with(way, name, float(match[1]) * SCALE[match[2]])
    return way


def _with(way: WayToBoard, name: str, value: float) -> WayToBoard:
    changes = {
        "delay": {"rtt_ms": value},
        "jitter": {"jitter_ms": value},
        "rate": {"up_kbit_s": value, "down_kbit_s": value},
        "loss": {"loss_share": min(value, 100.0) / 100},
    }
    if name in changes:
        network = replace(way.network, **changes[name])  # type: ignore[arg-type]  # floats all
        return replace(way, network=network)
    key = f"{name}_after_bytes"
    faults = replace(way.faults, **{key: int(value)})
    return replace(way, faults=faults)
