"""Whole small models in every format, for the fuzz bench to damage."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy

from edgekit.convert.converting import convert
from edgekit.convert.request import ConvertRequest
from edgekit.toolenvs.environment import ensure
from edgekit.toolenvs.worker import QUIET, TELEMETRY_OFF

ONNX = """
import sys
import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper
rng = numpy.random.RandomState(0)
def weight(name, *shape):
    return numpy_helper.from_array((rng.randn(*shape) * 0.1).astype("float32"), name)
def value(name, *shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
nodes = [
    helper.make_node("Conv", ["image", "w0", "b0"], ["c0"], pads=[1, 1, 1, 1], strides=[2, 2]),
    helper.make_node("Relu", ["c0"], ["r0"]),
    helper.make_node("MaxPool", ["r0"], ["m0"], kernel_shape=[2, 2], strides=[2, 2]),
    helper.make_node("GlobalAveragePool", ["m0"], ["p"]),
    helper.make_node("Flatten", ["p"], ["f"]),
    helper.make_node("Gemm", ["f", "w1", "b1"], ["scores"], transB=1),
]
weights = [weight("w0", 8, 3, 3, 3), weight("b0", 8), weight("w1", 10, 8), weight("b1", 10)]
graph = helper.make_graph(nodes, "net", [value("image", 1, 3, 16, 16)], [value("scores", 1, 10)], weights)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
model.ir_version = 8
onnx.save(model, sys.argv[1] + "/net.onnx")
"""
KERAS = """
import sys
import keras
keras.utils.set_random_seed(1)
inputs = keras.Input((16, 16, 3))
x = keras.layers.Conv2D(8, 3, strides=2, activation="relu")(inputs)
outputs = keras.layers.Dense(10)(keras.layers.GlobalAveragePooling2D()(x))
model = keras.Model(inputs, outputs)
model.save(sys.argv[1] + "/net.keras")
model.save(sys.argv[1] + "/net.h5")
model.export(sys.argv[1] + "/net", format="tf_saved_model", verbose=False)
"""
TORCH = """
import sys
import torch
net = torch.nn.Sequential(
    torch.nn.Conv2d(3, 8, 3, stride=2), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1),
    torch.nn.Flatten(), torch.nn.Linear(8, 10))
program = torch.export.export(net.eval(), (torch.zeros(1, 3, 16, 16),))
torch.export.save(program, sys.argv[1] + "/net.pt2")
"""


@dataclass(frozen=True)
class Seed:
    """A whole model in a folder of its own."""

    kind: str
    folder: Path
    model: str
    """Name of its file or folder there."""
    victims: tuple[str, ...]
    """Files that are damaged."""
    is_archive: bool = False


def make_seeds(folder: Path) -> list[Seed]:
    """One seed per format and precision."""
    made = folder / "made"
    made.mkdir(parents=True)
    for environment, script in (("onnx", ONNX), ("tensorflow", KERAS), ("torch", TORCH)):
        subprocess.run(
            [str(ensure(environment)), "-I", "-W", "ignore", "-c", script, str(made)],
            env=TELEMETRY_OFF | QUIET | {"HOME": str(folder), "KERAS_BACKEND": "tensorflow"},
            stdout=subprocess.DEVNULL,
            check=True,
        )
    samples = made / "samples.npz"
    numpy.savez(samples, x=numpy.random.default_rng(0).normal(size=(20, 3, 16, 16)))
    seeds = [
        _seed(folder, "keras", [made / "net.keras"], is_archive=True),
        _seed(folder, "keras h5", [made / "net.h5"]),
        _seed(folder, "pytorch", [made / "net.pt2"], is_archive=True),
        _seed(folder, "onnx", [made / "net.onnx"]),
        _saved_model(folder, made / "net"),
    ]
    for engine, recipe, kind in (
        ("onnxruntime", "int8-static", "onnx"),
        ("litert", "float", "tflite"),
        ("litert", "int8-static", "tflite"),
        ("openvino", "float", "openvino"),
        ("openvino", "int8-static", "openvino"),
    ):
        out = made / f"{engine}-{recipe}"
        request = ConvertRequest(
            made / "net.onnx", "raspberrypi", recipe=recipe, engine=engine, calibration=samples
        )
        convert(request, out)
        files = sorted(path for path in out.glob("model.*"))
        seeds.append(_seed(folder, kind, files, tag=recipe))
    order = {seed.kind: i for i, seed in enumerate(seeds)}
    weight = {"onnx": 2, "tflite": 2, "openvino": 1}
    return sorted(
        [seed for seed in seeds for _ in range(weight.get(seed.kind, 1))],
        key=lambda seed: order[seed.kind],
    )


def _seed(
    folder: Path, kind: str, files: list[Path], *, is_archive: bool = False, tag: str = "float"
) -> Seed:
    home = folder / f"{kind}-{tag}".replace(" ", "-")
    home.mkdir()
    for file in files:
        shutil.copy(file, home / file.name)
    main = next((f for f in files if f.suffix != ".bin"), files[0])
    return Seed(kind, home, main.name, tuple(f.name for f in files), is_archive)


def _saved_model(folder: Path, made: Path) -> Seed:
    home = folder / "saved-model"
    shutil.copytree(made, home / "net")
    victims = ("net/saved_model.pb", "net/variables/variables.index")
    return Seed("saved model", home, "net", victims)
