"""Ranges of activations, and what is done to layers before quantization: pure numbers."""

from __future__ import annotations

from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.convert.workers.layers import (
    Layer,
    correct_bias,
    correct_bias_in_order,
    edge_layers,
    equalize,
    rounded,
)
from edgekit.convert.workers.ranges import Histogram
from edgekit.convert.workers.sensitivity import Ranking, kept_layers, noise_power, snr_db
from edgekit.core.errors import ConfigError

RNG = numpy.random.default_rng(0)


def histogram(values: Any) -> Histogram:
    found = Histogram(float(values.min()), float(values.max()))
    found.add(values)
    return found


def test_min_max_holds_every_value_and_zero() -> None:
    assert histogram(numpy.array([2.0, 5.0])).range("min-max") == (0.0, 5.0)


def test_percentile_leaves_the_outlier_out() -> None:
    values = numpy.append(RNG.normal(size=100_000), 1000.0)
    low, high = histogram(values).range("percentile")
    assert high < 10
    assert low > -10


def test_mse_clips_a_far_outlier_and_keeps_what_is_dense() -> None:
    values = numpy.append(RNG.uniform(-1, 1, 200_000), [1.6])
    low, high = histogram(values).range("mse")
    assert 0.95 < high < 1.2
    assert low < -0.95
    even = RNG.uniform(-1, 1, 200_000)
    assert histogram(even).range("mse")[1] > 0.97


def test_mse_is_never_worse_than_min_max() -> None:
    values = RNG.laplace(size=50_000)
    errors = {}
    for method in ("min-max", "mse"):
        low, high = histogram(values).range(method)
        scale = (high - low) / 255
        stored = numpy.round((numpy.clip(values, low, high) - low) / scale) * scale + low
        errors[method] = ((values - stored) ** 2).mean()
    assert errors["mse"] < errors["min-max"]


def test_entropy_keeps_the_body_of_a_rectified_distribution() -> None:
    values = numpy.maximum(RNG.normal(size=200_000), 0)
    low, high = histogram(values).range("entropy")
    assert low == 0.0
    assert high > 1.3


@pytest.mark.parametrize("method", ["min-max", "percentile", "mse", "entropy"])
def test_a_constant_tensor_keeps_its_value(method: str) -> None:
    assert histogram(numpy.zeros(10)).range(method) == (0.0, 0.0)
    assert histogram(numpy.full(10, 3.0)).range(method)[1] == pytest.approx(3.0, rel=1e-2)


@given(
    st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=50),
    st.sampled_from(["min-max", "percentile", "mse", "entropy"]),
)
def test_ranges_lie_inside_and_hold_zero(numbers: list[float], method: str) -> None:
    values = numpy.array(numbers)
    low, high = histogram(values).range(method)
    assert min(values.min(), 0) <= low + 1e-6 * abs(low)
    assert low <= 0 <= high
    assert high <= max(values.max(), 0) * (1 + 1e-6)


def dense(name: str, source: str, weight: Any, bias: Any = None, **more: Any) -> Layer:
    return Layer(name, source, name, numpy.array(weight, "float32"), bias, **more)


def test_rounding_is_per_channel() -> None:
    weight = numpy.array([[1.0, 0.5], [100.0, 50.0]], "float32")
    assert numpy.abs(rounded(weight) - weight).max(1)[0] <= 1 / 254
    assert (rounded(numpy.zeros((2, 2), "float32")) == 0).all()


def test_the_bias_takes_the_mean_error_of_rounded_weights() -> None:
    weight = RNG.normal(size=(4, 3, 3, 3)).astype("float32")
    layer = Layer("a", "x", "a", weight, numpy.zeros(4, "float32"))
    means = numpy.array([1.0, 2.0, 3.0])
    assert correct_bias([layer], {"a": means}) == 1
    before = (weight.sum((2, 3)) * means).sum(1)
    after = (rounded(weight).sum((2, 3)) * means).sum(1) + layer.bias
    assert numpy.allclose(before, after, atol=1e-5)


def test_the_bias_of_a_depthwise_layer() -> None:
    weight = RNG.normal(size=(4, 1, 3, 3)).astype("float32")
    layer = Layer("a", "x", "a", weight, numpy.zeros(4, "float32"), groups=4)
    means = numpy.array([1.0, 0.0, 2.0, 0.0])
    correct_bias([layer], {"a": means})
    assert layer.bias[1] == layer.bias[3] == 0
    error = (weight - rounded(weight)).sum((1, 2, 3)) * means
    assert numpy.allclose(layer.bias, error, atol=1e-6)


class Shifted:
    """A quantized network whose second layer reads what the first one's bias makes of it."""

    def __init__(self) -> None:
        self.biases: dict[str, Any] = {}

    def input_means(self, layer: Layer) -> Any:
        return numpy.array([1.0]) + (self.biases["first"] if layer.name == "second" else 0.5)

    def set_bias(self, layer: Layer) -> None:
        self.biases[layer.name] = layer.bias.copy()


def test_layers_are_corrected_in_order() -> None:
    first = dense("first", "x", [[1.0]], numpy.zeros(1))
    second = dense("second", "first", [[1.0]], numpy.zeros(1))
    network = Shifted()
    means = {"first": numpy.array([1.0]), "second": numpy.array([1.0])}
    assert correct_bias_in_order([first, second], means, network) == 2
    assert network.biases["first"] == pytest.approx(-0.5)
    assert network.biases["second"] == pytest.approx(0.5)


@pytest.mark.parametrize("activation", ["none", "relu"])
def test_equalizing_changes_ranges_and_not_results(activation: str) -> None:
    spread = numpy.array([[1.0], [100.0], [0.01], [0.0]])
    first = dense("a", "x", RNG.normal(size=(4, 3)) * spread, numpy.ones(4), activation=activation)
    second = dense("b", "a", RNG.normal(size=(2, 4)), numpy.zeros(2))
    x = RNG.normal(size=3)

    def output() -> Any:
        middle = first.weight @ x + first.bias
        middle = numpy.maximum(middle, 0) if activation == "relu" else middle
        return second.weight @ middle + second.bias

    before = output()
    assert equalize([first, second]) == 1
    assert numpy.allclose(output(), before, rtol=1e-4, atol=1e-5)
    leaving = numpy.abs(first.weight).max(1)[:3]
    entering = numpy.abs(second.weight).max(0)[:3]
    assert numpy.allclose(leaving, entering, rtol=1e-3)


def test_what_stands_between_forbids_equalizing() -> None:
    relu6 = dense("a", "x", numpy.ones((2, 2)), activation="other")
    branch = dense("a", "x", numpy.ones((2, 2)), readers=2)
    after = dense("b", "a", numpy.ones((2, 2)))
    assert equalize([relu6, after]) == 0
    assert equalize([branch, after]) == 0


def test_edges_are_the_first_the_last_and_tiny_layers() -> None:
    big = numpy.ones((40, 40))
    layers = [dense("a", "x", big), dense("b", "a", big), dense("c", "b", numpy.ones((2, 2)))]
    layers += [dense("d", "c", big)]
    assert edge_layers(layers) == ["a", "d", "c"]
    assert edge_layers([]) == []


def ranking() -> Ranking:
    reference = [numpy.ones(4)]
    noise = {"a": 0.01, "b": 0.5, "c": 0.0, "d": 0.1}
    return Ranking(reference, list(noise), lambda name: [numpy.ones(4) + noise[name]])


def test_the_noisiest_layers_come_first() -> None:
    assert ranking().noisiest(0.5) == ["b"]
    assert ranking().noisiest(0.97) == ["b", "d"]
    assert ranking().noisiest(1.0) == ["b", "d"]  # at most half of them
    report = ranking().report(["b"])
    assert [row["name"] for row in report] == ["b", "d", "a", "c"]
    assert report[0]["is_float"]
    assert report[0]["snr_db"] == pytest.approx(6.02, abs=0.01)
    assert report[-1]["snr_db"] is None
    assert sum(row["noise_share"] for row in report) == pytest.approx(1)


def test_noise_of_a_silent_output() -> None:
    assert noise_power([numpy.zeros(2)], [numpy.ones(2)]) == 2.0
    assert snr_db(0.0) is None


def parameters(**more: Any) -> dict[str, Any]:
    return {
        "keep_float": "none",
        "keep_share": 0.5,
        "keep_names": [],
        "debug_layers": False,
    } | more


def test_what_stays_in_float() -> None:
    names = ["a", "b", "c", "d"]

    def kept(**more: Any) -> tuple[list[str], list[dict[str, Any]]]:
        return kept_layers(parameters(**more), names, lambda: ["a", "d"], ranking)

    assert kept() == ([], [])
    assert kept(keep_float="edges", keep_names=["b", "a"])[0] == ["b", "a", "d"]
    assert kept(keep_float="sensitive")[0] == ["b"]
    assert kept(debug_layers=True)[0] == []
    assert len(kept(debug_layers=True)[1]) == 4
    with pytest.raises(ConfigError, match="'bb'") as caught:
        kept(keep_names=["bb"])
    assert "--debug-layers" in caught.value.hint
