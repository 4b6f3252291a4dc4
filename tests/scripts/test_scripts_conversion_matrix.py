"""The conversion matrix: its page from outcomes, and its cells from the product's own lists."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy
import pytest

from conversion_matrix import Cell, Outcome, cells_of, page, profile_for, run_group, shortened
from edgekit.convert.recipes import CATALOG, RECIPES
from edgekit.convert.routes import ENGINE_FORMAT
from edgekit.profiles.device import load_profile
from real_models.model import Metric, RealModel


def a_model(folder: Path) -> RealModel:
    return RealModel("net", folder / "net.onnx", folder / "c", folder / "e", Metric.ACCURACY)


def test_an_engine_is_tried_for_a_board_that_has_it() -> None:
    for engine in ENGINE_FORMAT:
        names = [choice.name for choice in load_profile(profile_for(engine)).engines]
        assert engine in names


def test_a_refusal_is_a_cell_with_its_reason(tmp_path: Path) -> None:
    model = a_model(tmp_path)
    cells = [
        Cell(model, "onnxruntime", recipe, "raspberrypi", tmp_path / "e")
        for recipe in ("float", "int8-static")
    ]
    for reason in ("no such model", "no such file"):
        for outcome in run_group(cells):
            assert not outcome.is_done
            assert not outcome.is_fault
            assert outcome.text.startswith("*refused*: ")
            assert reason in outcome.text
        model.model.write_bytes(b"\x08\x0a\x12\x07pytorch" + bytes(20))


def test_every_recipe_is_tried_on_every_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEKIT_CACHE_DIR", str(tmp_path))
    model = a_model(tmp_path)
    numpy.savez(model.evaluation.with_suffix(".npz"), x=numpy.zeros((3, 2)))
    model = replace(model, evaluation=model.evaluation.with_suffix(".npz"))
    cells = cells_of([model], list(CATALOG))
    assert len(cells) == len(CATALOG) * len(ENGINE_FORMAT)
    assert {cell.recipe for cell in cells if cell.engine == "litert"} == set(CATALOG)


def test_the_page_has_every_recipe_and_engine(tmp_path: Path) -> None:
    model = a_model(tmp_path)
    outcomes = [
        Outcome(
            Cell(model, engine, recipe, "raspberrypi", tmp_path),
            f"{engine}+{recipe}",
            is_done=recipe == "float",
            route="a -> b",
            elapsed_s=30.0,
        )
        for engine in ("litert", "openvino")
        for recipe in RECIPES
    ]
    text = page(outcomes, [model])
    assert f"{len(outcomes)} conversions of 1 models" in text
    assert f"2 work, {len(outcomes) - 2} are refused, 0 ended in a fault" in text
    assert "- litert (profile raspberrypi): a -> b" in text
    for recipe in RECIPES:
        assert f"| `{recipe}` | litert+{recipe} | openvino+{recipe} |" in text


def test_reasons_fit_in_a_cell() -> None:
    assert shortened("a | b\n c") == "a / b c"
    assert len(shortened("x" * 1000)) == 220
