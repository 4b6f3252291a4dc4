"""Small real models, made by their own frameworks in the tool environments."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy
import pytest

from edgekit.toolenvs.environment import ensure
from edgekit.toolenvs.worker import QUIET, TELEMETRY_OFF

KERAS = """
import sys
import keras
keras.utils.set_random_seed(1)
inputs = keras.Input((16, 16, 3), name="photo")
x = keras.layers.Conv2D(16, 3, strides=2, activation="relu")(inputs)
x = keras.layers.BatchNormalization()(x)
x = keras.layers.DepthwiseConv2D(3, activation="relu")(x)
x = keras.layers.Flatten()(x)
x = keras.layers.Dense(700, activation="relu")(x)
outputs = keras.layers.Dense(10)(x)
model = keras.Model(inputs, outputs)
model.save(sys.argv[1] + "/net.keras")
model.save(sys.argv[1] + "/net.h5")
model.export(sys.argv[1] + "/net_saved", format="tf_saved_model", verbose=False)
a = keras.Input((4,), name="left")
b = keras.Input((4,), name="right")
two = keras.Model([a, b], keras.layers.Dense(3)(keras.layers.Subtract()([a, b])))
two.save(sys.argv[1] + "/two.keras")
evil = keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda v: v + 1)])
evil.save(sys.argv[1] + "/evil.keras")
"""
ONNX = """
import sys
import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper
rng = numpy.random.RandomState(0)
def weight(name, *shape):
    return numpy_helper.from_array((rng.randn(*shape) * 0.1).astype("float32"), name)
nodes = [
    helper.make_node("Conv", ["image", "w0", "b0"], ["c0"], pads=[1, 1, 1, 1], strides=[2, 2]),
    helper.make_node("Relu", ["c0"], ["r0"]),
    helper.make_node("Conv", ["r0", "w1", "b1"], ["c1"], group=16, pads=[1, 1, 1, 1]),
    helper.make_node("Relu", ["c1"], ["r1"]),
    helper.make_node("GlobalAveragePool", ["r1"], ["p"]),
    helper.make_node("Flatten", ["p"], ["f"]),
    helper.make_node("Gemm", ["f", "w2", "b2"], ["scores"], transB=1),
]
weights = [weight("w0", 16, 3, 3, 3), weight("b0", 16), weight("w1", 16, 1, 3, 3)]
weights += [weight("b1", 16), weight("w2", 10, 16), weight("b2", 10)]
def value(name, *shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
graph = helper.make_graph(nodes, "net", [value("image", "n", 3, 16, 16)], [value("scores", "n", 10)], weights)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
model.ir_version = 8
onnx.checker.check_model(model)
onnx.save(model, sys.argv[1] + "/net.onnx")
import os
os.mkdir(sys.argv[1] + "/external")
onnx.save(model, sys.argv[1] + "/external/net.onnx", save_as_external_data=True, location="net.data", size_threshold=0)
model = onnx.load(sys.argv[1] + "/net.onnx")
free = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "free", [value("x", "n", "t")], [value("y", "n", "t")])
free = helper.make_model(free, opset_imports=[helper.make_opsetid("", 17)])
free.ir_version = 8
onnx.save(free, sys.argv[1] + "/free.onnx")
"""
TRANSFORMER = """
import sys
import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper
rng = numpy.random.RandomState(0)
weights = []
def weight(name, *shape):
    weights.append(numpy_helper.from_array((rng.randn(*shape) * 0.3).astype("float32"), name))
    return name
def constant(name, values):
    weights.append(numpy_helper.from_array(numpy.array(values, "int64"), name))
    return name
nodes = [helper.make_node("Gather", [weight("table", 50, 32), "tokens"], ["e"])]
def dense(source, out, inputs, outputs):
    nodes.append(helper.make_node("MatMul", [source, weight("w" + out, inputs, outputs)], ["m" + out]))
    nodes.append(helper.make_node("Add", ["m" + out, weight("b" + out, outputs)], [out]))
here = "e"
for i in range(2):
    norm = [here, weight(f"g{i}", 32), weight(f"h{i}", 32)]
    nodes.append(helper.make_node("LayerNormalization", norm, [f"n{i}"]))
    for part in "qkv":
        dense(f"n{i}", f"{part}{i}", 32, 32)
    nodes.append(helper.make_node("Transpose", [f"k{i}"], [f"t{i}"], perm=[0, 2, 1]))
    nodes.append(helper.make_node("MatMul", [f"q{i}", f"t{i}"], [f"s{i}"]))
    nodes.append(helper.make_node("Softmax", [f"s{i}"], [f"p{i}"]))
    nodes.append(helper.make_node("MatMul", [f"p{i}", f"v{i}"], [f"a{i}"]))
    dense(f"a{i}", f"o{i}", 32, 32)
    nodes.append(helper.make_node("Add", [here, f"o{i}"], [f"r{i}"]))
    here = f"r{i}"
nodes.append(helper.make_node("ReduceMean", [here], ["pooled"], axes=[1], keepdims=0))
dense("pooled", "scores", 32, 10)
inputs = [helper.make_tensor_value_info("tokens", TensorProto.INT64, ["n", 8])]
outputs = [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 10])]
graph = helper.make_graph(nodes, "transformer", inputs, outputs, weights)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
model.ir_version = 8
onnx.checker.check_model(model)
onnx.save(model, sys.argv[1] + "/transformer.onnx")
"""
HARD = """
import sys
import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper
rng = numpy.random.RandomState(0)
def array(name, values):
    return numpy_helper.from_array(numpy.asarray(values, "float32"), name)
def value(name, *shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
def save(name, nodes, inputs, outputs, weights):
    graph = helper.make_graph(nodes, name, inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    onnx.save(model, f"{sys.argv[1]}/{name}.onnx")
spread = 10.0 ** numpy.linspace(-3, 3, 32)
wide = [
    helper.make_node("MatMul", ["x", "w0"], ["m0"]),
    helper.make_node("Add", ["m0", "b0"], ["h"]),
    helper.make_node("Mul", ["h", "spread"], ["wide"]),
    helper.make_node("Relu", ["wide"], ["positive"]),
    helper.make_node("Mul", ["positive", "gather"], ["same"]),
    helper.make_node("Tanh", ["same"], ["t"]),
    helper.make_node("MatMul", ["t", "w1"], ["scores"]),
]
weights = [array("w0", rng.randn(16, 32)), array("b0", rng.randn(1, 32)), array("w1", rng.randn(32, 10))]
weights += [array("spread", spread), array("gather", 1 / spread)]
save("wide", wide, [value("x", "n", 16)], [value("scores", "n", 10)], weights)
normalized = [
    helper.make_node("MatMul", ["x", "w0"], ["m0"]),
    helper.make_node("LpNormalization", ["m0"], ["unit"], axis=-1, p=2),
]
save("normalized", normalized, [value("x", "n", 16)], [value("unit", "n", 32)], [array("w0", rng.randn(16, 32))])
def constant(name, values):
    return helper.make_node("Constant", [], [name], value=array(name, values))
recurrent = [
    constant("w", rng.randn(1, 256, 16) * 0.2),
    constant("r", rng.randn(1, 256, 64) * 0.2),
    constant("b", rng.randn(1, 512) * 0.1),
    helper.make_node("LSTM", ["sound", "w", "r", "b"], ["all", "last"], hidden_size=64),
    helper.make_node("Squeeze", ["last", "axis"], ["flat"]),
    helper.make_node("Gemm", ["flat", "wo", "bo"], ["logit"]),
    helper.make_node("Sigmoid", ["logit"], ["speech"]),
]
weights = [array("wo", rng.randn(64, 1)), array("bo", [0.0]), numpy_helper.from_array(numpy.array([0]), "axis")]
save("recurrent", recurrent, [value("sound", 8, 1, 16)], [value("speech", 1, 1)], weights)
"""
SKLEARN = """
import sys
import joblib
import numpy
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
x, y = load_digits(return_X_y=True)
x = x.astype("float32")
train, test = slice(0, 1500), slice(1500, None)
models = {
    "forest": RandomForestClassifier(20, random_state=0),
    "pipeline": make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)),
    "regressor": Ridge(),
}
for name, model in models.items():
    joblib.dump(model.fit(x[train], y[train]), sys.argv[1] + "/" + name + ".joblib")
numpy.savez(sys.argv[1] + "/digits.npz", x=x[test], y=y[test])
"""
BUILDER = """
import torch
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Conv2d(3, 8, 3, stride=2)
        self.last = torch.nn.Linear(8, 5)
    def forward(self, x):
        x = torch.relu(self.first(x)).mean((2, 3), keepdim=True)
        return self.last(x.reshape(-1, 8))
def build():
    torch.manual_seed(0)
    return Net()
"""


def make(environment: str, script: str, folder: Path) -> None:
    python = ensure(environment)
    done = subprocess.run(
        [str(python), "-I", "-W", "ignore", "-c", script, str(folder)],
        env=TELEMETRY_OFF | QUIET | {"HOME": str(folder), "KERAS_BACKEND": "tensorflow"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="session")
def keras_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keras")
    make("tensorflow", KERAS, folder)
    return folder


@pytest.fixture(scope="session")
def onnx_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("onnx")
    make("onnx", ONNX, folder)
    return folder


@pytest.fixture(scope="session")
def transformer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("transformer")
    make("onnx", TRANSFORMER, folder)
    return folder / "transformer.onnx"


@pytest.fixture(scope="session")
def hard_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """wide.onnx, which full static int8 destroys; recurrent.onnx, whose weights are Constants, and whose
    LSTM onnx2tf gets wrong; normalized.onnx, which onnx2torch does not know."""
    folder = tmp_path_factory.mktemp("hard")
    make("onnx", HARD, folder)
    return folder


@pytest.fixture(scope="session")
def sklearn_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sklearn")
    make("sklearn", SKLEARN, folder)
    return folder


@pytest.fixture(scope="session")
def torch_builder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("torch") / "build.py"
    path.write_text(BUILDER)
    return path


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Calibration files by layout: nhwc, nchw, and labelled ones."""
    folder = tmp_path_factory.mktemp("samples")
    generator = numpy.random.default_rng(0)
    nhwc = generator.normal(size=(120, 16, 16, 3)).astype("float32")
    labels = generator.integers(0, 10, 120)
    paths = {name: folder / f"{name}.npz" for name in ("nhwc", "nchw", "labelled")}
    numpy.savez(paths["nhwc"], x=nhwc)
    numpy.savez(paths["nchw"], x=nhwc.transpose(0, 3, 1, 2))
    numpy.savez(paths["labelled"], x=nhwc[:40], y=labels[:40])
    return paths
