"""Routes, recipes, pipelines and the output folder: what is decided before anything runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgekit.convert.candidate import build_command
from edgekit.convert.converting import convert, plan_conversion
from edgekit.convert.pipelines import parse_pipeline
from edgekit.convert.recipes import CATALOG, LADDER, activation_dtype, find_recipe, ladder
from edgekit.convert.request import ConvertRequest
from edgekit.convert.routes import all_steps, find_route, find_routes, quantizer
from edgekit.core.artifact import Format
from edgekit.core.errors import ConfigError, ProfileError, RecipeError, UnsupportedModel
from edgekit.profiles.device import load_profile
from edgekit.toolenvs.pins import ENVIRONMENTS

PI = load_profile("raspberrypi-4b")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "m.onnx"
    path.write_bytes(b"\x08\x0a\x12\x07pytorch" + bytes(20))
    return path


@pytest.mark.parametrize("source", [Format.KERAS, Format.SAVED_MODEL, Format.PYTORCH, Format.ONNX])
@pytest.mark.parametrize("target", [Format.TFLITE, Format.ONNX, Format.OPENVINO])
def test_every_source_reaches_every_target(source: Format, target: Format) -> None:
    route = find_route(source, target)
    here = source
    for step in route:
        assert step.source == here
        here = step.target
    assert here == target


def test_other_ways_come_after_the_cheapest() -> None:
    ways = find_routes(Format.ONNX, Format.TFLITE)
    assert [[step.name for step in way] for way in ways] == [
        ["onnx-to-tflite"],
        ["onnx-to-tflite-direct"],
    ]
    assert (
        find_route(Format.PYTORCH, Format.TFLITE) == find_routes(Format.PYTORCH, Format.TFLITE)[0]
    )
    assert len(find_routes(Format.KERAS, Format.TFLITE)) == 3


def test_a_way_can_be_chosen(model: Path) -> None:
    request = ConvertRequest(model, "raspberrypi", engine="litert", recipe="float")
    _, usual = plan_conversion(request)
    assert len(usual[0].others) == 1
    _, choices = plan_conversion(replace(request, route=("onnx-to-tflite-direct",)))
    assert [step.name for step in choices[0].steps] == ["onnx-to-tflite-direct"]
    assert choices[0].others == ()
    with pytest.raises(RecipeError) as caught:
        plan_conversion(replace(request, route=("onnx-to-tflight",)))
    assert "onnx-to-tflite" in caught.value.hint
    with pytest.raises(UnsupportedModel, match="goes by keras-to-saved-model") as missing:
        plan_conversion(replace(request, route=("keras-to-saved-model",)))
    assert "onnx-to-tflite" in missing.value.hint


def test_tensorrt_is_taken_when_it_is_asked_for(model: Path) -> None:
    request = ConvertRequest(model, "jetson-orin-nano", recipe="float")
    _, choices = plan_conversion(request)
    assert "tensorrt" not in {choice.engine for choice in choices}
    assert any("--engine tensorrt" in note for note in choices[0].notes)
    _, choices = plan_conversion(replace(request, engine="tensorrt"))
    assert [choice.engine for choice in choices] == ["tensorrt"]
    with pytest.raises(UnsupportedModel, match="tensorrt has no int8-dynamic"):
        plan_conversion(replace(request, engine="tensorrt", recipe="int8-dynamic"))


def test_what_makes_the_engine_on_the_board() -> None:
    command = build_command("tensorrt", "int8-static", "model.onnx")
    assert command == "trtexec --onnx=model.onnx --int8 --fp16 --saveEngine=model.plan"
    assert "--int8" not in build_command("tensorrt", "float", "model.onnx")
    assert build_command("onnxruntime", "int8-static", "model.onnx") == ""


def test_there_is_no_way_back() -> None:
    with pytest.raises(UnsupportedModel, match="no way"):
        find_route(Format.OPENVINO, Format.TFLITE)


def test_every_step_names_an_environment_that_exists() -> None:
    assert len(all_steps()) >= 10
    assert {step.environment for step in all_steps()} <= set(ENVIRONMENTS)


def test_quantizers() -> None:
    assert quantizer(Format.TFLITE, "int8-static").environment == "onnx"
    with pytest.raises(UnsupportedModel):
        quantizer(Format.OPENVINO, "int8-dynamic")


def test_auto_takes_int8_when_there_is_calibration_and_says_why_not_otherwise() -> None:
    recipes, _ = ladder("auto", PI, has_calibration=True)
    assert recipes == (*LADDER["int8-static"], "float")
    assert recipes[0] == "int8-static"
    recipes, notes = ladder("auto", PI, has_calibration=False)
    assert recipes == ("float",)
    assert any("--calibration" in note for note in notes)
    assert any("int8-dynamic was left out" in note for note in notes)


def test_the_ladder_is_short_without_a_budget() -> None:
    recipes, _ = ladder("auto", PI, has_calibration=True, has_budget=False)
    assert recipes == ("int8-static", "int8-static-layers", "float")


def test_auto_plans_every_rung_that_the_engine_has(model: Path) -> None:
    _, choices = plan_conversion(ConvertRequest(model, "generic-x86-64", engine="openvino"))
    assert [choice.recipe for choice in choices] == ["float"]


def test_half_precision_is_a_rung_where_it_pays() -> None:
    recipes, _ = ladder("auto", load_profile("jetson-orin-nano"), has_calibration=True)
    assert recipes[-2:] == ("fp16", "float")


def test_recipes_are_consistent_data() -> None:
    for name, recipe in CATALOG.items():
        assert name == recipe.name
        assert recipe.scheme in CATALOG
        assert recipe.ranges in ("min-max", "mse", "percentile", "entropy")
        assert recipe.bias_correction in ("none", "fast", "full")
        assert (recipe.keep_share > 0) == (recipe.keep_float == "sensitive")
    assert {name for rungs in LADDER.values() for name in rungs} <= set(CATALOG)


def test_activations_are_signed_on_arm_and_unsigned_on_x86() -> None:
    assert activation_dtype("x86_64") == "uint8"
    assert activation_dtype("aarch64") == activation_dtype("armv7l") == "int8"


def test_a_recipe_that_is_none_gets_a_suggestion() -> None:
    with pytest.raises(RecipeError) as caught:
        find_recipe("int8-static-mze")
    assert "int8-static-mse" in caught.value.hint


@pytest.mark.parametrize(
    ("recipe", "engine"), [("int8-static-entropy", "openvino"), ("int16x8", "onnxruntime")]
)
def test_a_recipe_that_the_engine_lacks(model: Path, recipe: str, engine: str) -> None:
    request = ConvertRequest(model, "raspberrypi", recipe=recipe, engine=engine, calibration=model)
    with pytest.raises(UnsupportedModel, match=f"has no {recipe}"):
        plan_conversion(request)


def test_a_recipe_that_does_not_pay_is_done_with_a_warning() -> None:
    recipes, notes = ladder("int8-dynamic", PI, has_calibration=False)
    assert recipes == ("int8-dynamic",)
    assert "may not pay" in notes[0]


@pytest.mark.parametrize(
    ("change", "kind", "hint"),
    [
        ({"profile": "rasberrypi"}, ProfileError, "raspberrypi"),
        ({"recipe": "int8-statik"}, RecipeError, "int8-static"),
        ({"recipe": "int8-static"}, RecipeError, "--calibration"),
        ({"engine": "litrt"}, RecipeError, "litert"),
        ({"engine": "tflite_runtime", "profile": "intel-n100"}, RecipeError, "profiles show"),
        ({"calibration": Path("/nothing.npz")}, ConfigError, ""),
        ({"max_drop_points": 1.0}, ConfigError, "--data"),
        ({"min_agreement": 0.9}, ConfigError, "--calibration"),
    ],
)
def test_unknown_words_get_suggestions(
    model: Path, change: dict[str, object], kind: type[Exception], hint: str
) -> None:
    settings: dict[str, object] = {"model": model, "profile": "raspberrypi"} | change
    with pytest.raises(kind) as caught:
        plan_conversion(ConvertRequest(**settings))  # type: ignore[arg-type]  # by name
    assert hint in getattr(caught.value, "hint", "")


def test_the_plan_names_engines_in_the_profiles_order(model: Path) -> None:
    request = ConvertRequest(model, "raspberrypi", recipe="float")
    _, choices = plan_conversion(request)
    assert [choice.engine for choice in choices][:2] == ["litert", "onnxruntime"]


def test_int8_dynamic_is_never_made_for_tflite_runtime(model: Path) -> None:
    request = ConvertRequest(model, "generic-armv7l", recipe="int8-dynamic")
    with pytest.raises(UnsupportedModel, match="wrongly"):
        plan_conversion(request)


@pytest.mark.parametrize("name", ["imagenet", "unit", "signed", "raw"])
def test_pipeline_presets(name: str) -> None:
    assert parse_pipeline(name).kind == "image"


def test_pipelines_written_out() -> None:
    assert parse_pipeline("mean=127,std=128").std == (128.0,) * 3
    assert parse_pipeline("mean=1/2/3,std=4/5/6").mean == (1.0, 2.0, 3.0)
    assert parse_pipeline("").kind == "tensor"


@pytest.mark.parametrize("text", ["imagnet", "mean=a", "std=0", "mean=1/2,std=1", "mode=3"])
def test_a_pipeline_that_is_none(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_pipeline(text)


def test_a_folder_that_holds_other_things_is_left_alone(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "thesis"
    out.mkdir()
    (out / "chapter1.txt").write_text("years of work")
    with pytest.raises(ConfigError, match="left alone"):
        convert(ConvertRequest(model, "raspberrypi", recipe="float"), out)
    assert (out / "chapter1.txt").read_text() == "years of work"
