"""Units, suggestions, the error tree and every stored record kind."""

from __future__ import annotations

import dataclasses
import doctest
import importlib
import pkgutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

import edgekit.core
from edgekit.core import errors, suggest, text, units
from edgekit.core.record import Record

MODULES = [
    importlib.import_module(f"edgekit.core.{module.name}")
    for module in pkgutil.iter_modules(edgekit.core.__path__)
]


def every_error() -> list[type[errors.EdgekitError]]:
    kinds = [value for value in vars(errors).values() if isinstance(value, type)]
    return [kind for kind in kinds if issubclass(kind, errors.EdgekitError)]


def stored_records() -> list[type[Record]]:
    kinds = {
        value
        for module in MODULES
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Record) and value is not Record
    }
    return sorted(kinds, key=lambda kind: kind.__name__)


@pytest.mark.parametrize("module", [suggest, text, units], ids=lambda module: module.__name__)
def test_examples_in_docstrings(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]  # a module


@given(st.floats(min_value=1e-9, max_value=1e9))
def test_formatted_times_keep_three_digits(value_ms: float) -> None:
    number, unit = units.format_ms(value_ms).split()
    scale = {"us": 1e-3, "ms": 1.0, "s": 1e3}[unit]
    assert float(number) * scale == pytest.approx(value_ms, rel=0.0051)


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_errors_are_drawn_in_the_tree_with_their_code(kind: type[errors.EdgekitError]) -> None:
    assert kind.__name__ in (errors.__doc__ or "")
    assert kind.exit_code in range(1, 8)


@pytest.mark.parametrize("kind", stored_records(), ids=lambda kind: kind.__name__)
def test_every_record_is_frozen_and_named(kind: type[Record]) -> None:
    assert kind.KIND.startswith("edgekit.")
    assert kind.SCHEMA >= 1
    assert dataclasses.is_dataclass(kind)
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]  # typeshed lacks it


def test_record_kinds_are_unique() -> None:
    kinds = [kind.KIND for kind in stored_records()]
    assert len(kinds) == len(set(kinds))


def test_did_you_mean_lists_all_when_none_is_near() -> None:
    assert suggest.did_you_mean("xyz", ["alpha", "beta"]) == "known: alpha, beta"
    assert suggest.did_you_mean("xyz", []) == "none is known"
