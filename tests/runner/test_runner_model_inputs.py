"""Why an endpoint refuses a request, told from what it says of its models."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_runner.model_inputs import differences, explain, names_of, specs_of
from edgekit_runner.oip import Tensor

METADATA = {"inputs": [{"name": "image", "datatype": "FP32", "shape": [-1, 3, 4, 4]}]}
GOOD = [Tensor("image", "FP32", (1, 3, 4, 4), b"")]
JPEG = [Tensor("image", "BYTES", (1,), b"")]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (GOOD, []),
        (
            [Tensor("image", "FP32", (1, 4, 4, 3), b"")],
            ["input 'image': it takes FP32 [-1, 3, 4, 4], sent was FP32 [1, 4, 4, 3]"],
        ),
        (
            [Tensor("image", "INT8", (1, 3, 4, 4), b"")],
            ["input 'image': it takes FP32 [-1, 3, 4, 4], sent was INT8 [1, 3, 4, 4]"],
        ),
        (
            [Tensor("photo", "FP32", (1, 3, 4, 4), b"")],
            [
                "input 'image' (FP32 [-1, 3, 4, 4]) was not sent",
                "input 'photo' (FP32 [1, 3, 4, 4]) is not known to it",
            ],
        ),
    ],
    ids=["fits", "shape", "datatype", "name"],
)
def test_each_tensor_that_differs_is_named(sent: list[Tensor], said: list[str]) -> None:
    wanted = specs_of(METADATA)
    assert wanted is not None
    assert differences(sent, wanted) == said


def test_a_form_that_fits_is_the_next_command() -> None:
    found = explain("net", {"jpeg": JPEG, "tensor": GOOD}, "jpeg", METADATA, [])
    assert found is not None
    assert "BYTES [1]" in found[0]
    assert found[1] == "--payload tensor"
    found = explain("net", {"jpeg": JPEG}, "jpeg", METADATA, [])
    assert found is not None
    assert "ORIGINAL" in found[1]
    assert explain("net", {"tensor": GOOD}, "tensor", METADATA, []) is None, "it lies elsewhere"


def test_a_name_that_is_not_served_gets_the_near_one() -> None:
    found = explain("cat", {"tensor": GOOD}, "tensor", None, ["cats", "dogs"])
    assert found == ("the endpoint serves no 'cat', but cats, dogs", "--model-name cats")
    assert explain("cats", {"tensor": GOOD}, "tensor", None, ["cats"]) is None
    assert explain("cats", {"tensor": GOOD}, "tensor", None, []) is None


def test_both_forms_of_a_list_of_models() -> None:
    assert names_of({"models": ["a", "b"]}) == ["a", "b"], "KServe"
    assert names_of([{"name": "a", "state": "READY"}, {"version": "1"}]) == ["a"], "Triton"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_whatever_an_endpoint_says_is_survived(document: object) -> None:
    names_of(document)
    specs_of(document)
    specs_of({"inputs": document})
