"""edgekit.toml and the choice between it and flags."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgekit.cli.projects import ConvertOptions, convert_request, parse_shapes
from edgekit.core.errors import ConfigError, UsageFault

PROJECT = """
[model]
path = "net.onnx"
shape = { x = "1x3x8x8" }
[convert]
profile = "raspberrypi-5"
recipe = "float"
pipeline = "imagenet"
out = "built"
"""


def test_a_project_names_everything(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"")
    (tmp_path / "edgekit.toml").write_text(PROJECT)
    request, out = convert_request(ConvertOptions(), tmp_path)
    assert request.model == tmp_path / "net.onnx"
    assert (request.profile, request.recipe) == ("raspberrypi-5", "float")
    assert request.shapes == {"x": (1, 3, 8, 8)}
    assert request.pipeline.kind == "image"
    assert out == tmp_path / "built"


def test_flags_win_over_the_project(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"")
    (tmp_path / "edgekit.toml").write_text(PROJECT)
    options = ConvertOptions(profile="jetson-nano", shapes=("x=1x3x9x9",))
    request, _ = convert_request(options, tmp_path)
    assert (request.profile, request.recipe) == ("jetson-nano", "float")
    assert request.shapes == {"x": (1, 3, 9, 9)}


def test_neither_model_nor_project_is_a_usage_error_that_names_both_ways(tmp_path: Path) -> None:
    with pytest.raises(UsageFault) as caught:
        convert_request(ConvertOptions(profile="raspberrypi"), tmp_path)
    assert caught.value.exit_code == 2
    assert "edgekit convert MODEL" in caught.value.hint
    assert "edgekit.toml" in caught.value.hint


def test_unknown_keys_are_errors(tmp_path: Path) -> None:
    (tmp_path / "edgekit.toml").write_text(PROJECT + "speed = 3\n[target]\nbord = 1\n")
    with pytest.raises(ConfigError) as caught:
        convert_request(ConvertOptions(), tmp_path)
    assert "convert.speed: unknown key" in caught.value.message
    assert "target.bord: unknown key" in caught.value.message


@pytest.mark.parametrize("text", ["1x3", "=1x3", "x=", "x=1,3", "x=ax3"])
def test_a_shape_of_another_form(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_shapes([text])


def test_an_input_name_may_hold_an_equals_sign() -> None:
    assert parse_shapes(["a=b=2x4"]) == {"a=b": (2, 4)}


def test_a_project_that_names_no_model_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "edgekit.toml").write_text(PROJECT)
    with pytest.raises(ConfigError, match=r"no such model: net\.onnx"):
        convert_request(ConvertOptions(), tmp_path)
