"""Conversions between the units that field names carry, and their spelling for people."""

from __future__ import annotations

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000


def ns_to_ms(value_ns: float) -> float:
    """Nanoseconds to milliseconds."""
    return value_ns / NS_PER_MS


def ms_to_ns(value_ms: float) -> int:
    """Milliseconds to whole nanoseconds."""
    return round(value_ms * NS_PER_MS)


def format_ms(value_ms: float) -> str:
    """Milliseconds with three significant digits and a unit that reads well.

    Example:
        >>> format_ms(0.0123), format_ms(4.5678), format_ms(1234.5)
        ('12.3 us', '4.57 ms', '1.23 s')
    """
    magnitude = abs(value_ms)
    if magnitude == 0:
        return "0 ms"
    if magnitude < 0.1:
        return f"{_three_digits(value_ms * 1e3)} us"
    if magnitude < 1000:
        return f"{_three_digits(value_ms)} ms"
    return f"{_three_digits(value_ms / 1e3)} s"


def format_interval_ms(value_ms: float, low_ms: float, high_ms: float) -> str:
    """A value with its interval, the unit said once where all three share it.

    Example:
        >>> format_interval_ms(1.304, 1.29, 1.321), format_interval_ms(990, 980, 1010)
        ('1.30 [1.29, 1.32] ms', '990 ms [980 ms, 1.01 s]')
    """
    shown = [format_ms(part) for part in (value_ms, low_ms, high_ms)]
    units = {text.rpartition(" ")[2] for text in shown}
    if len(units) > 1:
        return f"{shown[0]} [{shown[1]}, {shown[2]}]"
    value, low, high = (text.rpartition(" ")[0] for text in shown)
    return f"{value} [{low}, {high}] {units.pop()}"


def format_bytes(value_bytes: float) -> str:
    """Bytes in decimal units.

    Example:
        >>> format_bytes(512), format_bytes(4_650_000)
        ('512 B', '4.65 MB')
    """
    if abs(value_bytes) < 1000:
        return f"{value_bytes:.0f} B"
    for unit, size in (("kB", 1e3), ("MB", 1e6), ("GB", 1e9)):
        if abs(value_bytes) < 999.5 * size or unit == "GB":
            return f"{_three_digits(value_bytes / size)} {unit}"
    raise AssertionError("unreachable")


def format_count(value: float) -> str:
    """A count with a decimal prefix.

    Example:
        >>> format_count(4_650_000), format_count(380)
        ('4.65 M', '380')
    """
    for prefix, size in ((" G", 1e9), (" M", 1e6), (" k", 1e3)):
        if abs(value) >= size:
            return f"{_three_digits(value / size)}{prefix}"
    return f"{value:.0f}"


def _three_digits(value: float) -> str:
    magnitude = abs(value)
    if magnitude >= 99.95:
        return f"{value:.0f}"
    if magnitude >= 9.995:
        return f"{value:.1f}"
    if magnitude >= 0.9995:
        return f"{value:.2f}"
    return f"{value:.3g}"
