"""Batches and kept answers, with a clock and a worker of their own; the stdlib client's forms."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from edgekit.toolenvs.environment import ensure
from edgekit.toolenvs.worker import QUIET, source_path, worker_variables
from edgekit_runner import oip


@pytest.mark.parametrize(
    ("datatype", "raw", "values"),
    [
        ("FP32", b"\x00\x00\x80?\x00\x00\x00@", [1.0, 2.0]),
        ("INT8", b"\xff\x01", [-1, 1]),
        ("UINT8", b"\xff\x01", [255, 1]),
        ("INT64", b"\x01" + bytes(7), [1]),
        ("BOOL", b"\x00\x01", [False, True]),
    ],
)
def test_elements_as_json_and_back(datatype: str, raw: bytes, values: list[object]) -> None:
    tensor = oip.Tensor("x", datatype, (len(values),), raw)
    assert oip.values_of(tensor) == values
    assert oip.bytes_of(datatype, values) == raw
    assert oip.bytes_of(datatype, [values]) == raw, "nested lists are flat data"


def reply(body: bytes, **headers: str) -> oip.Reply:
    """An answer as the client got it."""
    return oip.Reply({k.replace("_", "-"): v for k, v in headers.items()}, body, {})


def test_an_answer_with_binary_outputs() -> None:
    text = (
        b'{"outputs":[{"name":"y","datatype":"FP32","shape":[1],"parameters":{"binary_data_size":4}},'
        b'{"name":"z","datatype":"INT8","shape":[2],"data":[1,-1]}],"parameters":{"server_compute_ns":7}}'
    )
    size = str(len(text))
    outputs, told = oip.decode(
        reply(text + b"\x00\x00\x80?", inference_header_content_length=size)
    )
    assert [(o.name, o.data) for o in outputs] == [("y", b"\x00\x00\x80?"), ("z", b"\x01\xff")]
    assert told == {"server_compute_ns": 7}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b'{"outputs":[{"name":"y","datatype":"FP32","shape":[1],"parameters":{"binary_data_size":4}}]}',
        b'{"outputs":[{"name":"y","datatype":"WHAT","shape":[1],"data":[1]}]}',
        b'{"outputs":[{"name":"y","datatype":"INT8","shape":[1],"data":[1000]}]}',
        b'{"outputs":[],"parameters":[1]}',
    ],
)
def test_what_is_no_answer(body: bytes) -> None:
    with pytest.raises(oip.RequestFailed, match="none of the protocol") as caught:
        oip.decode(reply(body))
    assert caught.value.reason == oip.BROKEN


def test_urls() -> None:
    assert oip.parse_url("http://a.b:80/") == ("http", "a.b", 80)
    assert oip.parse_url("https://[::1]:8443") == ("https", "::1", 8443)
    assert [oip.parse_url(t) for t in ("a:80", "http://a", "http://:1", "http://a:0")] == [
        None
    ] * 4


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_batches_answers_and_arrivals_in_their_environment() -> None:
    """The checks of serving_checks.py need numpy and KServe, which live in a tool environment."""
    python = ensure("cloud")
    variables = worker_variables(source_path()) | QUIET
    variables["PYTHONPATH"] += f":{Path(__file__).parent}"
    code = "import serving_checks; print(serving_checks.main({}))"
    done = subprocess.run(
        [str(python), "-c", code], env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "{'done': True}"
