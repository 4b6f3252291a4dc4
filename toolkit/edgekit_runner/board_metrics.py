"""The board's state in the text form of Prometheus, beside the counters of a service."""

from __future__ import annotations

from typing import List

from .sensors import Sensors

THROTTLED_NOW = 0xF
"""Bits that hold now. Source: Raspberry Pi documentation, vcgencmd get_throttled."""


def board_lines(sensors: Sensors) -> List[str]:
    """Temperature, clock and throttling; what the board does not tell is left out."""
    lines = []  # type: List[str]
    temperature_c, clock_mhz = sensors.temperature_c(), sensors.clock_mhz()
    if temperature_c is not None:
        lines += _gauge("edgekit_temperature_celsius", "%.1f" % temperature_c)
    if clock_mhz is not None:
        lines += _gauge("edgekit_clock_hertz", "%d" % (clock_mhz * 1e6))
    bits, level = sensors.throttled(), sensors.cooling_level()
    if bits is not None or level is not None:
        is_slowed = bool(int(bits or "0", 16) & THROTTLED_NOW or level)
        lines += _gauge("edgekit_throttled", "%d" % is_slowed)
    return lines


def _gauge(name: str, value: str) -> List[str]:
    return ["# TYPE %s gauge" % name, "%s %s" % (name, value)]
