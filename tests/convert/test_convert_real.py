"""Conversions of real models with the real converters, checked against the original."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy
import pytest

from edgekit.cli.main import run as cli
from edgekit.convert.converting import convert
from edgekit.convert.inspection import inspect_model
from edgekit.convert.pipelines import parse_pipeline
from edgekit.convert.recipes import CATALOG, LADDER
from edgekit.convert.request import ConvertRequest
from edgekit.core.artifact import Accuracy, Agreement, Format, GoldenVectors, ModelArtifact
from edgekit.core.errors import ConfigError, GateFailed, HostileModel, UnsupportedModel
from edgekit.core.record import Unavailable, load
from model_fixtures import make

TORCHSCRIPT = """
import sys
import torch
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Conv2d(3, 8, 3, stride=2)
        self.last = torch.nn.Linear(8, 5)
    def forward(self, x):
        return self.last(torch.relu(self.first(x)).mean((2, 3)))
torch.manual_seed(0)
torch.jit.trace(Net().eval(), torch.zeros(1, 3, 16, 16)).save(sys.argv[1] + "/net.pt")
"""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def run(out: Path, model: Path, profile: str = "raspberrypi", **settings: object) -> ModelArtifact:
    request = ConvertRequest(model, profile, **settings)  # type: ignore[arg-type]  # by name
    card = convert(request, out)
    assert load(ModelArtifact, out / "card.json") == card
    for entry in card.files:
        data = (out / entry.path).read_bytes()
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (entry.sha256, entry.size_bytes)
    assert isinstance(card.golden, GoldenVectors)
    assert len(list((out / "golden").glob("*.in.0.bin"))) == card.golden.sample_count
    return card


def agreement(card: ModelArtifact) -> Agreement:
    assert isinstance(card.agreement, Agreement)
    return card.agreement


@pytest.mark.parametrize("name", ["net.keras", "net.h5", "net_saved"])
def test_keras_to_int8_tflite(
    tmp_path: Path, keras_models: Path, samples: dict[str, Path], name: str
) -> None:
    card = run(
        tmp_path / "a",
        keras_models / name,
        calibration=samples["nhwc"],
        data=samples["labelled"],
    )
    assert (card.format, card.engine, card.recipe) == (Format.TFLITE, "litert", "int8-static")
    assert isinstance(card.float_size_bytes, int)
    assert card.float_size_bytes > 1_000_000
    assert card.size_bytes <= 0.30 * card.float_size_bytes
    assert agreement(card).cosine > 0.98
    assert isinstance(card.accuracy, Accuracy)
    assert card.accuracy.sample_count == 40
    assert "120 samples" in card.calibration


@pytest.mark.parametrize("engine", ["litert", "onnxruntime", "openvino"])
def test_keras_to_float_is_exact_on_every_engine(
    tmp_path: Path, keras_models: Path, engine: str
) -> None:
    card = run(tmp_path / "a", keras_models / "net.keras", recipe="float", engine=engine)
    assert agreement(card).max_deviation < 1e-4
    assert agreement(card).data == "random inputs"
    assert isinstance(card.accuracy, Unavailable)


@pytest.mark.parametrize(
    ("engine", "expected"),
    [
        ("litert", Format.TFLITE),
        ("onnxruntime", Format.ONNX),
        ("openvino", Format.OPENVINO),
    ],
)
def test_onnx_to_int8_on_every_engine(
    tmp_path: Path, onnx_models: Path, samples: dict[str, Path], engine: str, expected: Format
) -> None:
    card = run(
        tmp_path / "a", onnx_models / "net.onnx", calibration=samples["nchw"], engine=engine
    )
    assert (card.format, card.recipe) == (expected, "int8-static")
    assert agreement(card).cosine > 0.95
    layout = "NHWC" if engine == "litert" else "NCHW"
    assert card.inputs[0].layout == layout


def test_dynamic_int8_tflite(tmp_path: Path, keras_models: Path) -> None:
    card = run(tmp_path / "a", keras_models / "net.keras", recipe="int8-dynamic")
    assert isinstance(card.float_size_bytes, int)
    assert card.size_bytes <= 0.30 * card.float_size_bytes
    assert agreement(card).cosine > 0.98
    assert any("may not pay" in warning for warning in card.warnings)


@pytest.mark.parametrize(
    ("engine", "recipe", "largest"),
    [
        ("litert", "int8-weights", 0.30),
        ("litert", "int16x8", 0.32),
        ("litert", "fp16", 0.52),
        ("onnxruntime", "fp16", 0.52),
        ("openvino", "int8-weights", 0.35),
        ("openvino", "fp16", 0.55),
    ],
)
def test_the_other_recipes(
    tmp_path: Path,
    keras_models: Path,
    samples: dict[str, Path],
    engine: str,
    recipe: str,
    largest: float,
) -> None:
    card = run(
        tmp_path / "a",
        keras_models / "net.keras",
        recipe=recipe,
        engine=engine,
        calibration=samples["nhwc"],
    )
    assert isinstance(card.float_size_bytes, int)
    assert card.size_bytes <= largest * card.float_size_bytes
    assert agreement(card).cosine > 0.99


def test_a_pytorch_builder_with_trust(tmp_path: Path, torch_builder: Path) -> None:
    settings: dict[str, Any] = {"recipe": "float", "shapes": {"x": (1, 3, 16, 16)}}  # Any: by name
    with pytest.raises(HostileModel):
        run(tmp_path / "a", torch_builder, **settings)
    card = run(tmp_path / "a", torch_builder, trust=True, **settings)
    assert agreement(card).max_deviation < 1e-4
    assert card.inputs[0].shape == (1, 16, 16, 3)


def test_two_inputs_keep_their_places(tmp_path: Path, keras_models: Path) -> None:
    card = run(tmp_path / "a", keras_models / "two.keras", recipe="float")
    assert len(card.inputs) == 2
    assert agreement(card).max_deviation < 1e-5


def test_pictures_go_through_the_pipeline(tmp_path: Path, onnx_models: Path) -> None:
    pictures = numpy.random.default_rng(1).integers(0, 256, (12, 16, 16, 3), dtype="uint8")
    data = tmp_path / "pictures.npz"
    numpy.savez(data, images=pictures, labels=numpy.arange(12) % 10)
    card = run(
        tmp_path / "a",
        onnx_models / "net.onnx",
        calibration=data,
        data=data,
        pipeline=parse_pipeline("signed"),
    )
    assert (card.pipeline.kind, card.pipeline.height, card.pipeline.layout) == (
        "image",
        16,
        "NHWC",
    )
    assert card.engine == "litert"
    assert len(list((tmp_path / "a/golden").glob("*.raw.bin"))) == 4
    assert any("12 calibration samples are few" in warning for warning in card.warnings)


def test_a_folder_of_pictures(tmp_path: Path, onnx_models: Path) -> None:
    from PIL import Image

    for label in ("cat", "dog"):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for i in range(3):
            Image.new("RGB", (40 + i, 30), (40 * i, 90, 200)).save(
                tmp_path / "photos" / label / f"{i}.png"
            )
    card = run(
        tmp_path / "a",
        onnx_models / "net.onnx",
        recipe="float",
        data=tmp_path / "photos",
        pipeline=parse_pipeline("unit"),
    )
    assert isinstance(card.accuracy, Accuracy)
    assert card.accuracy.sample_count == 6


def test_a_loader_in_python(tmp_path: Path, onnx_models: Path) -> None:
    loader = tmp_path / "loader.py"
    loader.write_text(
        "import numpy\n"
        "def samples():\n"
        "    for i in range(8):\n"
        "        yield numpy.full((3, 16, 16), i / 8, 'float32'), i\n"
    )
    card = run(tmp_path / "a", onnx_models / "net.onnx", recipe="float", data=loader)
    assert agreement(card).sample_count == 8


@pytest.mark.parametrize(
    ("array", "message", "hint"),
    [
        (numpy.zeros((9, 16, 16, 3), "float32"), "expected nx3x16x16", "transpose"),
        (numpy.zeros((9, 3, 8, 8), "float32"), "expected nx3x16x16", ""),
        (numpy.full((9, 3, 16, 16), numpy.nan, "float32"), "NaN", ""),
        (numpy.zeros((9, 16, 16, 3), "uint8"), "nothing says how", "--pipeline"),
        (numpy.zeros((0, 3, 16, 16), "float32"), "no samples", ""),
        (numpy.float32(3), "0 dimensions", "samples first"),
        (numpy.array(["a", "b"]), "array of <U1", ""),
    ],
    ids=["layout", "size", "nan", "pictures", "empty", "scalar", "text"],
)
def test_calibration_of_another_shape(
    tmp_path: Path, onnx_models: Path, array: numpy.ndarray, message: str, hint: str
) -> None:
    data = tmp_path / "samples.npz"
    numpy.savez(data, x=array)
    with pytest.raises(ConfigError, match=message) as caught:
        run(tmp_path / "a", onnx_models / "net.onnx", calibration=data)
    assert hint in caught.value.hint
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (numpy.arange(8), "differ in count: 8, 9"),
        (numpy.array([0.5] * 9), "whole numbers"),
        (numpy.array(["cat"] * 9), "whole numbers"),
    ],
)
def test_labels_that_do_not_fit(
    tmp_path: Path, onnx_models: Path, labels: numpy.ndarray, message: str
) -> None:
    data = tmp_path / "samples.npz"
    numpy.savez(data, x=numpy.zeros((9, 3, 16, 16), "float32"), y=labels)
    with pytest.raises(ConfigError, match=message):
        run(tmp_path / "a", onnx_models / "net.onnx", recipe="float", data=data)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("m.onnx", b"\x08\x0a\x12\x07pytorch" + bytes(50), "cannot be read"),
        ("m.npz", b"x", "no known format"),
    ],
)
def test_damaged_files(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(UnsupportedModel, match=message):
        run(tmp_path / "a", path, recipe="float", engine="onnxruntime")
    assert not (tmp_path / "a").exists()


def test_truncated_models(tmp_path: Path, onnx_models: Path, keras_models: Path) -> None:
    for source in (onnx_models / "net.onnx", keras_models / "net.keras", keras_models / "net.h5"):
        path = tmp_path / source.name
        path.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
        with pytest.raises(UnsupportedModel):
            run(tmp_path / "a", path, recipe="float")
        assert not (tmp_path / "a").exists()


def test_a_keras_file_that_carries_code(tmp_path: Path, keras_models: Path) -> None:
    with pytest.raises(HostileModel, match="Lambda"):
        run(tmp_path / "a", keras_models / "evil.keras", recipe="float")


def test_free_dimensions_ask_for_a_shape(tmp_path: Path, onnx_models: Path) -> None:
    settings: dict[str, Any] = {"recipe": "float", "engine": "onnxruntime"}  # Any: by name
    with pytest.raises(UnsupportedModel) as caught:
        run(tmp_path / "a", onnx_models / "free.onnx", **settings)
    assert "--shape x=" in caught.value.hint
    with pytest.raises(ConfigError, match="inputs are: x"):
        run(tmp_path / "a", onnx_models / "free.onnx", shapes={"y": (1, 5)}, **settings)
    card = run(tmp_path / "a", onnx_models / "free.onnx", shapes={"x": (1, 5)}, **settings)
    assert agreement(card).max_deviation == 0


def test_the_same_conversion_comes_from_the_cache(tmp_path: Path, onnx_models: Path) -> None:
    first = run(tmp_path / "a", onnx_models / "net.onnx", recipe="float", engine="onnxruntime")
    messages: list[str] = []
    request = ConvertRequest(
        onnx_models / "net.onnx", "raspberrypi", recipe="float", engine="onnxruntime"
    )
    again = convert(request, tmp_path / "b", progress=messages.append)
    assert again == first
    assert any("cache" in message for message in messages)


def test_weights_in_a_file_of_their_own_come_along(tmp_path: Path, onnx_models: Path) -> None:
    source = onnx_models / "external/net.onnx"
    assert (source.parent / "net.data").exists()
    card = run(tmp_path / "a", source, recipe="float", engine="onnxruntime")
    assert agreement(card).max_deviation == 0
    assert [entry.path for entry in card.files if "golden" not in entry.path] == ["model.onnx"]
    assert card.inputs[0].shape == (1, 3, 16, 16)


def test_a_budget_moves_down_the_ladder(
    tmp_path: Path, keras_models: Path, samples: dict[str, Path]
) -> None:
    settings: dict[str, Any] = {  # Any: by name
        "calibration": samples["nhwc"],
        "data": samples["labelled"],
    }
    easy = run(tmp_path / "a", keras_models / "net.keras", min_agreement=0.1, **settings)
    assert [rung.recipe for rung in easy.rungs] == ["int8-static"]
    strict = run(tmp_path / "b", keras_models / "net.keras", min_agreement=1.0, **settings)
    assert strict.rungs[-1].missed == ""
    if len(strict.rungs) > 1:
        assert strict.rungs[0].recipe == "int8-static"
        assert "--min-agreement" in strict.rungs[0].missed
    assert isinstance(easy.accuracy, Accuracy)
    low, high = easy.accuracy.drop_low_points, easy.accuracy.drop_high_points
    assert low is not None
    assert high is not None
    assert low <= easy.accuracy.drop_points <= high


def test_a_budget_that_nothing_keeps_writes_nothing(
    tmp_path: Path, onnx_models: Path, samples: dict[str, Path]
) -> None:
    labelled = tmp_path / "labelled.npz"
    with numpy.load(samples["nchw"]) as archive:
        numpy.savez(labelled, x=archive["x"][:40], y=numpy.arange(40) % 10)
    with pytest.raises(GateFailed, match="no recipe keeps the budget; the nearest") as caught:
        run(
            tmp_path / "a",
            onnx_models / "net.onnx",
            engine="onnxruntime",
            calibration=samples["nchw"],
            data=labelled,
            max_drop_points=-50.0,
        )
    assert caught.value.exit_code == 7
    rungs = caught.value.details["rungs"]
    assert isinstance(rungs, list)
    recipes = [rung["recipe"] for rung in rungs]
    ladder = (*LADDER["int8-static"], "float")
    assert recipes == [name for name in ladder if Format.ONNX in CATALOG[name].formats]
    reasons = {rung["recipe"]: rung["missed"] for rung in rungs}
    assert "no attention" in reasons["int8-static-smooth"]
    assert all("--max-drop" in text for name, text in reasons.items() if "smooth" not in name)
    assert not (tmp_path / "a").exists()


def test_inspect_sees_what_a_file_is_full_of(
    tmp_path: Path, onnx_models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = inspect_model(onnx_models / "net.onnx")
    assert found.inputs[0].name == "image"
    assert found.contents.weights_bytes == {"float32": 4 * (16 * 27 + 16 + 16 * 9 + 16 + 160 + 10)}
    assert found.structure.parameters == 16 * 27 + 16 + 16 * 9 + 16 + 160 + 10
    assert found.structure.macs == 64 * 16 * 27 + 64 * 16 * 9 + 160
    for engine in ("litert", "openvino"):
        card = run(tmp_path / engine, onnx_models / "net.onnx", recipe="float", engine=engine)
        again = inspect_model(tmp_path / engine / card.model)
        assert again.structure.macs == found.structure.macs
        assert cli(["inspect", str(tmp_path / engine)]) == 0
        assert "operation" in capsys.readouterr().out
    with pytest.raises(UnsupportedModel):
        inspect_model(tmp_path)


@pytest.mark.parametrize("kind", ["forest", "pipeline", "regressor"])
def test_scikit_learn_models(tmp_path: Path, sklearn_models: Path, kind: str) -> None:
    path = sklearn_models / f"{kind}.joblib"
    data = sklearn_models / "digits.npz"
    with pytest.raises(HostileModel, match="pickle"):
        run(tmp_path / "a", path, recipe="float")
    card = run(tmp_path / "a", path, recipe="float", trust=True, data=data)
    assert card.source.format is Format.SKLEARN
    assert card.engine == ("onnxruntime" if kind == "forest" else "litert")
    if kind == "regressor":
        assert agreement(card).max_deviation < 1e-3
        return
    assert agreement(card).top1_agreement == 1.0
    assert isinstance(card.accuracy, Accuracy)
    assert card.accuracy.original > 0.85


def test_torchscript_reaches_tflite_by_onnx(tmp_path: Path) -> None:
    make("torch", TORCHSCRIPT, tmp_path)
    settings: dict[str, Any] = {"recipe": "float", "shapes": {"x": (1, 3, 16, 16)}}  # Any: by name
    card = run(tmp_path / "a", tmp_path / "net.pt", engine="litert", proof=False, **settings)
    assert [step.step for step in card.steps] == ["pytorch-to-onnx", "onnx-to-tflite"]
    assert agreement(card).max_deviation < 1e-5


def test_what_torch_exports_to_onnx_goes_on_to_tflite(tmp_path: Path, torch_builder: Path) -> None:
    settings: dict[str, Any] = {"recipe": "float", "shapes": {"x": (1, 3, 16, 16)}}  # Any: by name
    run(tmp_path / "a", torch_builder, trust=True, engine="onnxruntime", **settings)
    card = run(tmp_path / "b", tmp_path / "a/model.onnx", recipe="float", engine="litert")
    assert agreement(card).max_deviation < 1e-5
    assert card.inputs[0].layout == "NHWC"
