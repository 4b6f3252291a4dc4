"""Every rung of the ladder on small real networks, on every engine that has it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy
import pytest

from edgekit.cli.main import run as cli
from edgekit.convert.converting import convert
from edgekit.convert.recipes import CATALOG
from edgekit.convert.request import ConvertRequest
from edgekit.convert.routes import ENGINE_FORMAT
from edgekit.core.artifact import Agreement, ModelArtifact, ModelContents
from edgekit.core.errors import ConfigError, UnsupportedModel
from edgekit.toolenvs.environment import ensure
from edgekit.toolenvs.worker import QUIET, TELEMETRY_OFF, source_path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def run(out: Path, model: Path, **settings: object) -> ModelArtifact:
    request = ConvertRequest(model, "raspberrypi", **settings)  # type: ignore[arg-type]  # by name
    return convert(request, out)


def cosine(card: ModelArtifact) -> float:
    assert isinstance(card.agreement, Agreement)
    return card.agreement.cosine


RUNGS = """
import dataclasses, importlib, json, os, sys
sources, model, samples, folder, module = sys.argv[1:]
sys.path.insert(0, sources)
from edgekit.convert.recipes import CATALOG
step = importlib.import_module(f"edgekit.convert.steps.{module}_quantize")
suffix = {"tflite": "tflite", "onnx": "onnx", "openvino": "xml"}[module]
found = {}
for recipe in CATALOG.values():
    if recipe.scheme != "int8-static" or recipe.smooth_alpha or module not in recipe.formats:
        continue
    for activation in ("int8", "uint8") if module == "onnx" else ("int8",):
        name = f"{recipe.name}-{activation}"
        out = f"{folder}/{name}/model.{suffix}"
        os.makedirs(os.path.dirname(out))
        parameters = dataclasses.asdict(recipe)
        parameters |= {"activation": activation, "keep_names": [], "debug_layers": False, "engine": ""}
        request = {"model": model, "out": out, "samples": samples, "recipe": recipe.scheme}
        request |= {"parameters": parameters, "channel_last": [], "names": ["image"]}
        try:
            reply = step.main(request)
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        found[name] = reply | {"out": out}
with open(f"{folder}/found.json", "w") as stream:
    json.dump(found, stream)
"""


# Any: JSON
def rungs_of(module: str, folder: Path, model: Path, samples: Path) -> dict[str, dict[str, Any]]:
    """Every static recipe of a step, made in one process of its tool environment."""
    with numpy.load(samples) as archive:
        (folder / "samples").mkdir()
        numpy.save(folder / "samples" / "input_0.npy", archive["x"][:, numpy.newaxis])
    python = str(ensure("onnx"))
    arguments = [str(source_path()), str(model), str(folder / "samples"), str(folder), module]
    done = subprocess.run(
        [python, "-I", "-W", "ignore", "-c", RUNGS, *arguments],
        env=TELEMETRY_OFF | QUIET | {"HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    content = json.loads((folder / "found.json").read_text())
    assert isinstance(content, dict)
    return content


@pytest.mark.parametrize("engine", ["litert", "onnxruntime", "openvino"])
def test_every_static_recipe_works(
    tmp_path: Path, onnx_models: Path, keras_float: Path, samples: dict[str, Path], engine: str
) -> None:
    settings: dict[str, Any] = {"recipe": "float", "engine": engine}  # Any: by name
    original = keras_float if engine == "litert" else onnx_models / "net.onnx"
    data = samples["nhwc" if engine == "litert" else "nchw"]
    card = run(tmp_path / "float", original, **settings)
    module = {"litert": "tflite", "onnxruntime": "onnx", "openvino": "openvino"}[engine]
    found = rungs_of(module, tmp_path, tmp_path / "float" / card.model, data)
    assert {name: reply["error"] for name, reply in found.items() if "error" in reply} == {}
    wanted = [r for r in CATALOG.values() if r.scheme == "int8-static" and not r.smooth_alpha]
    assert {name.rsplit("-", 1)[0] for name in found} == {
        recipe.name for recipe in wanted if ENGINE_FORMAT[engine] in recipe.formats
    }
    sizes = {name: Path(reply["out"]).stat().st_size for name, reply in found.items()}
    for name, reply in found.items():
        if "layers" in name:
            continue  # markers between layers: larger on ONNX
        if "mixed" in name:
            assert 0 < sum(layer["is_float"] for layer in reply["layers"]) < len(reply["layers"])
        elif engine != "openvino" and "edges" not in name:
            assert sizes[name] == pytest.approx(sizes["int8-static-int8"], rel=0.02)
    if engine != "openvino":  # NNCF corrects by itself
        assert "corrected the biases of" in found["int8-static-int8"]["warnings"][0]
        assert found["int8-static-plain-int8"]["warnings"] == []
        assert "equalized" in found["int8-static-equalized-int8"]["warnings"][0]


@pytest.fixture(scope="session")
def keras_float(keras_models: Path) -> Path:
    return keras_models / "net.keras"


def test_debugging_layers_names_the_worst_and_the_cure(
    tmp_path: Path, onnx_models: Path, samples: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["convert", str(onnx_models / "net.onnx"), "--profile", "raspberrypi"]
    arguments += ["--engine", "onnxruntime", "--recipe", "int8-static"]
    arguments += ["--calibration", str(samples["nchw"]), "--out", str(tmp_path / "a")]
    assert cli([*arguments, "--debug-layers"]) == 0
    shown = capsys.readouterr().out
    assert "of the noise goes with: --keep-float" in shown
    worst = shown.partition("--keep-float ")[2].split()[0]
    assert cli([*arguments, "--debug-layers", "--keep-float", worst]) == 0
    kept = [line for line in capsys.readouterr().out.splitlines() if line.endswith(worst)]
    assert " float " in kept[0]


def test_a_layer_that_is_none(tmp_path: Path, onnx_models: Path, samples: dict[str, Path]) -> None:
    with pytest.raises(ConfigError, match="no layer is called"):
        run(
            tmp_path / "a",
            onnx_models / "net.onnx",
            recipe="int8-static",
            engine="onnxruntime",
            keep_float=("conv",),
            calibration=samples["nchw"],
        )


def test_smooth_quant_is_for_attention(
    tmp_path: Path, onnx_models: Path, samples: dict[str, Path]
) -> None:
    with pytest.raises(UnsupportedModel, match="no attention"):
        run(
            tmp_path / "a",
            onnx_models / "net.onnx",
            recipe="int8-static-smooth",
            engine="openvino",
            calibration=samples["nchw"],
        )


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_smooth_quant_of_a_transformer(tmp_path: Path, transformer: Path, engine: str) -> None:
    tokens = numpy.random.default_rng(0).integers(0, 50, (120, 8))
    numpy.savez(tmp_path / "tokens.npz", x=tokens)
    card = run(
        tmp_path / "a",
        transformer,
        recipe="int8-static-smooth",
        engine=engine,
        calibration=tmp_path / "tokens.npz",
    )
    assert cosine(card) > 0.95
    assert "nncf" in card.steps[-1].tools


EXPLICIT = """
import json, sys
import numpy, onnx
from collections import Counter
from onnx import numpy_helper
model = onnx.load(sys.argv[1])
weights = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
markers = [n for n in model.graph.node if n.op_type in ("QuantizeLinear", "DequantizeLinear")]
zeros = [weights[n.input[2]] for n in markers]
biases = [n.input[2] for n in model.graph.node if n.op_type in ("Conv", "Gemm")]
print(json.dumps({
    "dtypes": sorted({str(z.dtype) for z in zeros}),
    "largest": max(int(abs(z.astype(int)).max()) for z in zeros),
    "pairs": len(Counter(n.op_type for n in markers)),
    "biases": sorted({str(weights[name].dtype) for name in biases if name in weights}),
    "float_biases": len([name for name in biases if name in weights]) == len(biases),
}))
"""


def test_quantization_as_tensorrt_reads_it(
    tmp_path: Path, onnx_models: Path, samples: dict[str, Path]
) -> None:
    request = ConvertRequest(
        onnx_models / "net.onnx",
        "jetson-orin-nano",
        engine="tensorrt",
        recipe="int8-static",
        calibration=samples["nchw"],
    )
    card = convert(request, tmp_path / "a")
    assert card.engine == "tensorrt"
    assert card.build_command.startswith("trtexec --onnx=model.onnx --int8")
    assert cosine(card) > 0.9
    done = subprocess.run(
        [str(ensure("onnx")), "-I", "-c", EXPLICIT, str(tmp_path / "a/model.onnx")],
        env=TELEMETRY_OFF | QUIET | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["dtypes"] == ["int8"]
    assert found["largest"] == 0
    assert found["biases"] == ["float32"]
    assert found["float_biases"]


def test_nncf_puts_layers_back_until_the_outputs_are_right(
    tmp_path: Path, hard_models: Path
) -> None:
    generator = numpy.random.default_rng(0)
    numpy.savez(tmp_path / "x.npz", x=generator.normal(size=(120, 16)).astype("float32"))
    card = run(
        tmp_path / "a",
        hard_models / "wide.onnx",
        recipe="int8-static-accuracy",
        engine="openvino",
        calibration=tmp_path / "x.npz",
    )
    assert cosine(card) > 0.98
    assert "nncf" in card.steps[-1].tools


@pytest.mark.parametrize(("engine", "dtype"), [("litert", "int4"), ("openvino", "i4")])
def test_int4_in_blocks(tmp_path: Path, hard_models: Path, engine: str, dtype: str) -> None:
    card = run(tmp_path / "a", hard_models / "wide.onnx", recipe="int4-block", engine=engine)
    assert isinstance(card.contents, ModelContents)
    assert card.contents.weights_bytes[dtype] > 0
    assert cosine(card) > 0.9
