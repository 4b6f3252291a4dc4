"""Runs inside the tool environment `cloud`: batches and kept answers."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import numpy
from kserve.errors import InvalidInput

from edgekit.cloud.serving.batching import Batcher, Waiting
from edgekit.cloud.serving.cache import ResponseCache
from edgekit.cloud.serving.client import schedule
from edgekit.cloud.serving.server import listen
from edgekit.cloud.serving.tensors import Incoming, Preparation
from edgekit_runner.engines.contract import Tensor


def batches(
    sizes: list[int], *, workers: int, max_rows: int, max_wait_s: float
) -> tuple[list[int], list[Any]]:
    """Rows of each batch that ran, and what each request got."""
    ran: list[int] = []

    async def run(batch: list[Waiting]) -> tuple[list[list[Any]], int]:
        ran.append(sum(item.rows for item in batch))
        await asyncio.sleep(0)
        if any(item.arrays[0].flat[0] < 0 for item in batch):
            raise ValueError("negative")
        return [[item.arrays[0] * 2] for item in batch], 1

    async def ask_all() -> list[Any]:
        batcher = Batcher(run, workers=workers, max_rows=max_rows, max_wait_s=max_wait_s)
        asked = [
            batcher.submit([numpy.full((max(rows, 1), 2), i if rows > 0 else -1)], max(rows, 1))
            for i, rows in enumerate(sizes)
        ]
        return await asyncio.gather(*asked, return_exceptions=True)

    return ran, asyncio.run(ask_all())


def engine_tensor(name: str) -> Tensor:
    """A float input of the shape [1, 2]."""
    return Tensor(name, (1, 2), "float32", 0.0, 0)


def incoming(name: str, array: Any) -> Incoming:
    """An input as it comes over the wire."""
    return Incoming(name, "FP32", array.shape, array.tobytes(), None)


def said(preparation: Preparation, names: list[str]) -> str:
    """What the server says to inputs of these names."""
    try:
        preparation.arrays([incoming(name, numpy.zeros((1, 2), "float32")) for name in names])
    except InvalidInput as err:
        return str(err)
    return ""


def main(request: dict[str, Any]) -> dict[str, Any]:
    """Every check; an assertion that fails is told."""
    ran, answers = batches([1] * 6, workers=1, max_rows=4, max_wait_s=0.0)
    assert ran == [1, 4, 1], ran  # the first meets a free worker, the rest wait for it
    assert [int(a.outputs[0][0, 0]) for a in answers] == [0, 2, 4, 6, 8, 10]
    ran, _ = batches([1] * 4, workers=1, max_rows=4, max_wait_s=30.0)
    assert ran == [4], "a full batch does not wait"
    ran, answers = batches([1, 1], workers=1, max_rows=4, max_wait_s=0.05)
    assert ran == [2]
    assert min(a.batch_wait_ns for a in answers) > 20_000_000
    assert max(a.queue_ns for a in answers) < 20_000_000, "a worker was free all the time"
    ran, _ = batches([3, 3, 1], workers=1, max_rows=4, max_wait_s=0.0)
    assert ran == [3, 4], "what does not fit lets a smaller one pass"
    ran, answers = batches([1] * 2, workers=2, max_rows=1, max_wait_s=0.0)
    assert ran == [1, 1]
    ran, answers = batches([1, 0], workers=1, max_rows=1, max_wait_s=0.0)
    assert isinstance(answers[1], ValueError) and answers[0].outputs, "one failure, one request"

    now = [0.0]
    cache = ResponseCache(100, 10.0, clock=lambda: now[0])
    a, b = numpy.zeros(4, "float32"), numpy.zeros((2, 2), "float32")
    assert len({cache.key([a]), cache.key([b]), cache.key([a.astype("int32")])}) == 3
    assert cache.key([a]) == cache.key([a.copy()])
    assert cache.get(b"a") is None
    cache.put(b"a", [numpy.zeros(10, "float32")])
    cache.put(b"b", [numpy.zeros(10, "float32")])
    assert cache.get(b"a") is not None
    cache.put(b"c", [numpy.zeros(10, "float32")])
    assert cache.get(b"b") is None, "the least recently used made room"
    assert cache.size_bytes == 80
    cache.put(b"d", [numpy.zeros(1000, "float32")])
    assert cache.get(b"d") is None, "larger than the whole"
    now[0] = 11.0
    assert cache.get(b"a") is None, "too old"
    assert cache.size_bytes == 40
    assert (cache.hits, cache.misses) == (1, 4)

    pair = Preparation([engine_tensor("left"), engine_tensor("right")], {"kind": "tensor"})
    left, right = numpy.zeros((1, 2), "float32"), numpy.ones((1, 2), "float32")
    swapped = pair.arrays([incoming("right", right), incoming("left", left)])
    assert [a[0, 0] for a in swapped] == [0.0, 1.0], "by name, in whatever order"
    assert said(pair, ["left", "rihgt"]) == "there is no input 'rihgt'; did you mean right?"
    assert said(pair, ["left", "left"]) == "an input was sent twice"
    assert said(pair, ["left"]) == "expected 2 inputs (left, right), got 1"
    alone = Preparation([engine_tensor("x")], {"kind": "tensor"})
    assert alone.arrays([incoming("other", right)])[0][0, 0] == 1.0, "the only one"

    with (
        listen("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        told = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert told, "the end of an answer does not wait for an acknowledgement"

    even = schedule(10.0, 1.0, "constant")
    assert even == [i * 100_000_000 for i in range(10)]
    odd = schedule(1000.0, 20.0, "poisson")
    gaps = numpy.diff(odd) / 1e9
    assert abs(len(odd) - 20_000) < 600
    assert abs(gaps.std() / gaps.mean() - 1) < 0.05, "exponential gaps vary as much as they last"
    return {"done": True}
