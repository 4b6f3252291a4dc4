"""A model behind the endpoint: engine sessions, workers, batching, cache and limits."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
from grpc_interceptor.exceptions import ResourceExhausted
from kserve.errors import ModelNotFound
from kserve.model import InferenceModel
from kserve.protocol.dataplane import DataPlane
from prometheus_client import Counter, Gauge, Histogram

from edgekit.cloud.options import ModelOptions
from edgekit.cloud.serving.batching import Batcher, Waiting
from edgekit.cloud.serving.cache import ResponseCache
from edgekit.cloud.serving.tensors import DATATYPES, Incoming, Preparation
from edgekit.core.suggest import did_you_mean
from edgekit_runner import engines

clock = time.perf_counter_ns

BUCKETS_S = tuple(1e-4 * 2**i for i in range(16))
REQUESTS = Counter("edgekit_requests", "Requests by outcome.", ["model", "outcome"])
PHASES = Histogram(
    "edgekit_phase_seconds", "Time of a request.", ["model", "phase"], buckets=BUCKETS_S
)
ROWS = Histogram(
    "edgekit_batch_rows", "Samples computed together.", ["model"], buckets=(1, 2, 4, 8, 16, 32, 64)
)
IN_FLIGHT = Gauge("edgekit_in_flight", "Requests that were taken and not answered.", ["model"])
CACHE = Counter("edgekit_cache_lookups", "Look-ups in the response cache.", ["model", "result"])


@dataclass(frozen=True)
class Answer:
    """Outputs with the time they took."""

    outputs: list[Any]  # Any: numpy arrays
    times_ns: dict[str, int]
    """preprocess, queue, batch_wait, compute."""
    batch_rows: int
    is_cached: bool


class EndpointModel(InferenceModel):  # type: ignore[misc]  # kserve is not typed here
    """A model behind the endpoint: what it takes, how many requests at a time, and its counters."""

    def __init__(
        self, name: str, inputs: Sequence[Any], outputs: Sequence[Any], options: ModelOptions
    ) -> None:  # Any: the engines' Tensor
        super().__init__(name)
        self.inputs, self.outputs, self.options = inputs, outputs, options
        self.in_flight = 0
        self.ready = True

    def __call__(self, *arguments: Any, **options: Any) -> Any:  # Any: kserve's own
        """Requests come in through `answer`."""
        raise NotImplementedError

    def get_input_types(self) -> list[dict[str, Any]]:  # Any: JSON
        """What the protocol's metadata says of the inputs."""
        return [_described(tensor) for tensor in self.inputs]

    def get_output_types(self) -> list[dict[str, Any]]:  # Any: JSON
        """What the protocol's metadata says of the outputs."""
        return [_described(tensor) for tensor in self.outputs]

    async def answer(self, tensors: Sequence[Incoming]) -> Answer:
        """One request.

        Raises:
            InvalidInput: the tensors are not what the model takes.
            ResourceExhausted: too many requests are on their way.
        """
        if self.in_flight >= self.options.max_in_flight:
            REQUESTS.labels(self.name, "refused").inc()
            raise ResourceExhausted(
                details=f"{self.name} has {self.in_flight} requests in flight; try again later"
            )
        self.in_flight += 1
        IN_FLIGHT.labels(self.name).set(self.in_flight)
        outcome = "failed"
        try:
            answer = await self.compute(tensors)
            outcome = "answered"
        finally:
            self.in_flight -= 1
            IN_FLIGHT.labels(self.name).set(self.in_flight)
            REQUESTS.labels(self.name, outcome).inc()
        for phase, spent_ns in answer.times_ns.items():
            PHASES.labels(self.name, phase).observe(spent_ns / 1e9)
        if answer.batch_rows:
            ROWS.labels(self.name).observe(answer.batch_rows)
        if self.options.cache_mb:
            CACHE.labels(self.name, "hit" if answer.is_cached else "miss").inc()
        return answer

    async def compute(self, tensors: Sequence[Incoming]) -> Answer:
        """One request, uncounted."""
        raise NotImplementedError


class ServedModel(EndpointModel):
    """An artifact folder in one of our engines."""

    def __init__(self, folder: Path, options: ModelOptions) -> None:
        self.card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
        engine = "litert" if self.card["format"] == "tflite" else self.card["engine"]
        path = str(folder / self.card["model"])
        load = engines.find_engine(engine).load
        threads = options.threads or len(os.sched_getaffinity(0))
        self.sessions = deque(load(path, threads) for _ in range(options.workers))
        session = self.sessions[0]
        super().__init__(self.card["name"], session.inputs, session.outputs, options)
        self.preparation = Preparation(self.inputs, self.card["pipeline"])
        self.rows = self.inputs[0].shape[0] if self.inputs[0].shape else 1
        """Samples of one inference; -1 when the model leaves it open."""
        self.pool = ThreadPoolExecutor(options.workers, thread_name_prefix="engine")
        self.batcher = Batcher(
            self._run,
            workers=options.workers,
            max_rows=self.largest_batch(),
            max_wait_s=options.max_wait_ms / 1e3,
        )
        limit = int(options.cache_mb * 1e6)
        self.cache = ResponseCache(limit, options.cache_ttl_s) if limit else None

    def largest_batch(self) -> int:
        """Samples that are computed together at most."""
        return (
            self.options.max_batch
            if self.rows < 0
            else max(min(self.options.max_batch, self.rows), 1)
        )

    async def compute(self, tensors: Sequence[Incoming]) -> Answer:
        """One request, uncounted."""
        started = clock()
        if self.preparation.is_heavy(tensors):
            loop = asyncio.get_running_loop()
            arrays = await loop.run_in_executor(None, self.preparation.arrays, tensors)
        else:
            arrays = self.preparation.arrays(tensors)
        key = None
        if self.cache:
            key = self.cache.key(arrays)
            kept = self.cache.get(key)
            if kept is not None:
                times = {
                    "preprocess": clock() - started,
                    "queue": 0,
                    "batch_wait": 0,
                    "compute": 0,
                }
                return Answer(kept, times, 0, is_cached=True)
        prepared = clock()
        done = await self.batcher.submit(arrays, arrays[0].shape[0] if arrays[0].shape else 1)
        if self.cache and key:
            self.cache.put(key, done.outputs)
        times = {
            "preprocess": prepared - started,
            "queue": done.queue_ns,
            "batch_wait": done.batch_wait_ns,
            "compute": done.compute_ns,
        }
        return Answer(done.outputs, times, done.batch_rows, is_cached=False)

    async def _run(self, batch: list[Waiting]) -> tuple[list[list[Any]], int]:  # Any: arrays
        return await asyncio.get_running_loop().run_in_executor(self.pool, self._compute, batch)

    def _compute(self, batch: list[Waiting]) -> tuple[list[list[Any]], int]:  # Any: arrays
        session = self.sessions.popleft()
        started = clock()
        try:
            rows = sum(item.rows for item in batch)
            if len(batch) == 1 and self.rows in (-1, rows):
                return [[numpy.array(a) for a in session.run(batch[0].arrays)]], clock() - started
            joined = [
                self._filled(numpy.concatenate([item.arrays[i] for item in batch]))
                for i in range(len(self.inputs))
            ]
            outputs = session.run(joined)
            split, at = [], 0
            for item in batch:
                split.append([numpy.array(a[at : at + item.rows]) for a in outputs])
                at += item.rows
            return split, clock() - started
        finally:
            self.sessions.append(session)

    def _filled(self, array: Any) -> Any:  # Any: a numpy array
        """A batch of the size the model was made for: the last sample is repeated."""
        missing = self.rows - array.shape[0]
        if missing <= 0:
            return array
        return numpy.concatenate([array, numpy.repeat(array[-1:], missing, axis=0)])


def find_model(plane: DataPlane, name: str) -> EndpointModel:
    """The model of that name.

    Raises:
        ModelNotFound: there is none; it says which there are.
    """
    registry = plane.model_registry
    model = registry.get_model(name)
    if model is None:
        error = ModelNotFound(name)
        error.reason = f"there is no model {name!r}; {did_you_mean(name, registry.get_models())}"
        raise error
    assert isinstance(model, EndpointModel)
    return model


def _described(tensor: Any) -> dict[str, Any]:  # Any: the engines' Tensor, JSON
    return {
        "name": tensor.name,
        "datatype": DATATYPES.get(tensor.dtype, tensor.dtype),
        "shape": list(tensor.shape),
    }
