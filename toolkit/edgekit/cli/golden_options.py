"""Options that hold the board's outputs to the original model's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from edgekit.measure.golden_check import Thresholds

Function = TypeVar("Function", bound=Callable[..., object])


def golden_options(function: Function) -> Function:
    """``--check`` and the thresholds, each of which asks for the check too."""
    for decorate in (
        click.option("--min-top1", type=click.FloatRange(0, 1), help="Agreement, 0..1."),
        click.option("--min-snr", type=float, help="Signal to noise in dB."),
        click.option("--min-cosine", type=click.FloatRange(-1, 1), help="Cosine similarity."),
        click.option("--max-abs", type=click.FloatRange(0), help="Largest difference."),
        click.option(
            "--check",
            is_flag=True,
            help="First compare the board's outputs with the original model's; a threshold below "
            "that is missed ends with exit code 7.",
        ),
    ):
        function = decorate(function)
    return function


def thresholds_of(given: Mapping[str, object]) -> Thresholds | None:
    """What was asked; None when no check was."""
    from edgekit.measure.golden_check import Thresholds

    def number(name: str) -> float | None:
        value = given[name]
        return None if value is None else float(str(value))

    found = Thresholds(
        max_abs=number("max_abs"),
        min_cosine=number("min_cosine"),
        min_snr_db=number("min_snr"),
        min_top1=number("min_top1"),
    )
    return found if given["check"] or found.is_asked else None
