"""Option values with units, lists and name=value pairs."""

from __future__ import annotations

import re

import click

DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|min|m|h)?")
SECONDS = {"ms": 1e-3, "": 1.0, "s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0}
RATE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:/\s*(s|min|m|h)|hz)?", re.IGNORECASE)


class Duration(click.ParamType):  # type: ignore[type-arg]  # generic in new clicks only
    """``30min``, ``90s``, ``1h``, ``2.5``; gives seconds."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Seconds."""
        if isinstance(value, int | float):
            return float(value)
        found = DURATION.fullmatch(str(value).strip())
        if not found:
            self.fail(f"{value!r} is no duration; write 90s, 30min or 1h", param, ctx)
        return float(found[1]) * SECONDS[found[2] or ""]


class Rate(click.ParamType):  # type: ignore[type-arg]  # generic in new clicks only
    """``5/s``, ``30/min``, ``12.5``; gives times per second."""

    name = "rate"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Times per second."""
        if isinstance(value, int | float):
            return float(value)
        found = RATE.fullmatch(str(value).strip())
        if not found or float(found[1]) <= 0:
            self.fail(f"{value!r} is no rate; write 5/s or 30/min", param, ctx)
        return float(found[1]) / SECONDS[(found[2] or "s").lower()]


class Percent(click.ParamType):  # type: ignore[type-arg]  # generic in new clicks only
    """``10%`` or ``0.1``; gives a share."""

    name = "percent"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The share."""
        if isinstance(value, int | float):
            return float(value)
        text = str(value).strip()
        try:
            share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            self.fail(f"{value!r} is no share; write 10% or 0.1", param, ctx)
        if not 0 <= share < 10:
            self.fail(f"{value!r} is no share; write 10% or 0.1", param, ctx)
        return share


class CountList(click.ParamType):  # type: ignore[type-arg]  # generic in new clicks only
    """``1,2,4``; gives whole numbers from 1 on."""

    name = "numbers"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """The numbers, each once, in the order given."""
        if isinstance(value, tuple):
            return value
        parts = [part.strip() for part in str(value).split(",")]
        if not all(part.isdigit() and 0 < int(part) <= 4096 for part in parts):
            self.fail(f"{value!r} is no list of numbers; write 1,2,4", param, ctx)
        return tuple(dict.fromkeys(int(part) for part in parts))


class Pair(click.ParamType):  # type: ignore[type-arg]  # generic in new clicks only
    """``name=value``."""

    name = "name=value"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Name and value."""
        if isinstance(value, tuple):
            return value
        name, equals, text = str(value).partition("=")
        if not equals or not name:
            self.fail(f"{value!r} is no name=value", param, ctx)
        return name.strip(), text.strip()
