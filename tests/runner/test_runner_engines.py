"""The contract that every engine file fulfils, whatever discovery finds."""

from __future__ import annotations

import pytest

from edgekit.boards.wheelhouse import REQUIREMENTS
from edgekit.convert.routes import ENGINE_FORMAT
from edgekit_runner import engines
from edgekit_runner.failure import Failure


@pytest.mark.parametrize("name", engines.names())
def test_an_engine_file_tells_all_about_itself(name: str) -> None:
    engine = engines.find_engine(name)
    assert name == engine.NAME
    assert engine.TITLE
    assert engine.NOTE
    assert engine.FORMATS
    assert callable(engine.load)
    assert name in REQUIREMENTS
    assert bool(engine.DISTRIBUTIONS) == bool(REQUIREMENTS[name])
    for distribution in engine.DISTRIBUTIONS[:1]:
        assert REQUIREMENTS[name][0].startswith(distribution)


def test_engines_and_formats_agree() -> None:
    for name, found in ENGINE_FORMAT.items():
        assert found.value in engines.find_engine(name).FORMATS


def test_an_unknown_engine_names_the_known_ones() -> None:
    with pytest.raises(Failure, match="litert"):
        engines.find_engine("litrt")
