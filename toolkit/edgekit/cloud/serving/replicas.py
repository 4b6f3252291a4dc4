"""Models that are computed by replicas on Ray Serve, behind the same protocol front.

The front takes the requests (tokens, limits, protocol), Ray Serve chooses a replica (the less busy
one of two at random) and starts and ends replicas as they are needed. Each replica holds an engine
with its own workers, batches and kept answers, so ``--cache`` and ``--max-batch`` count per replica.

Source: Ray Serve, "Architecture" (power of two choices) and "Autoscaling".
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import ray
from kserve.errors import InvalidInput
from ray import serve

import edgekit
import edgekit_runner
from edgekit.cloud.options import ModelOptions
from edgekit.cloud.serving.model import Answer, EndpointModel, ServedModel, clock
from edgekit.cloud.serving.tensors import Incoming

LOCAL = "local"
READY_TIMEOUT_S = 90


class Replica:
    """One engine, in a process of its own."""

    def __init__(self, files: dict[str, bytes], options: dict[str, Any]) -> None:  # Any: fields
        self.folder = tempfile.TemporaryDirectory(prefix="edgekit-replica-")
        for name, data in files.items():
            path = Path(self.folder.name) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        self.model = ServedModel(Path(self.folder.name), ModelOptions(**options))

    def describe(self) -> tuple[str, list[Any], list[Any]]:  # Any: the engines' Tensor
        """Name, inputs and outputs."""
        model = self.model
        return model.name, list(model.inputs), list(model.outputs)

    async def compute(self, tensors: list[Incoming]) -> Answer:
        """One request."""
        return await self.model.compute(tensors)


class ReplicatedModel(EndpointModel):
    """The front's side of the replicas of one model."""

    def __init__(self, handle: Any, options: ModelOptions) -> None:  # Any: a DeploymentHandle
        name, inputs, outputs = handle.describe.remote().result(timeout_s=READY_TIMEOUT_S)
        super().__init__(name, inputs, outputs, options)
        self.handle = handle

    async def compute(self, tensors: Sequence[Incoming]) -> Answer:
        """One request, by whichever replica Ray Serve chooses; the way there counts as queueing."""
        started = clock()
        sent = [tensor._replace(raw=_bytes(tensor.raw)) for tensor in tensors]
        try:
            answer: Answer = await self.handle.compute.remote(sent)
        except ray.exceptions.RayTaskError as err:
            if isinstance(err.cause, InvalidInput):
                raise err.cause from None
            raise
        away_ns = clock() - started - sum(answer.times_ns.values())
        times = dict(answer.times_ns)
        times["queue"] += max(away_ns, 0)
        return Answer(answer.outputs, times, answer.batch_rows, answer.is_cached)


class Cluster:
    """A Ray cluster: the one at an address, or one on this machine that ends with the server."""

    def __init__(self, address: str, replicas: Sequence[int], models: int) -> None:
        self.fewest, self.most = replicas
        self.scratch = tempfile.TemporaryDirectory(prefix="edgekit-ray-")
        packages = [str(Path(str(p.__file__)).resolve().parent) for p in (edgekit, edgekit_runner)]
        if address == LOCAL:
            ray.init(
                address=LOCAL,
                num_cpus=max(len(os.sched_getaffinity(0)), self.most * models),
                include_dashboard=False,
                log_to_driver=False,
                _temp_dir=self.scratch.name,
            )
        else:
            ray.init(address=address, log_to_driver=False, runtime_env={"py_modules": packages})
        serve.start(proxy_location="Disabled")

    def deploy(self, folder: Path, options: ModelOptions) -> EndpointModel:
        """The model, once the fewest replicas are ready."""
        files = {
            str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and "golden" not in path.relative_to(folder).parts
        }
        sizes: dict[str, Any] = {"num_replicas": self.fewest}  # Any: Ray Serve's options
        if self.most > self.fewest:
            sizes = {
                "autoscaling_config": {
                    "min_replicas": self.fewest,
                    "max_replicas": self.most,
                    "target_ongoing_requests": 2,
                }
            }
        deployment = serve.deployment(Replica).options(
            name=folder.name,
            max_ongoing_requests=options.max_in_flight,
            ray_actor_options={"num_cpus": 1},
            **sizes,
        )
        handle = serve.run(
            deployment.bind(files, asdict(options)), name=folder.name, route_prefix=None
        )
        return ReplicatedModel(handle, options)

    def close(self) -> None:
        """Ends the replicas, and the cluster where it is our own."""
        ray.shutdown()
        self.scratch.cleanup()


def _bytes(raw: bytes | memoryview | None) -> bytes | None:
    return bytes(raw) if isinstance(raw, memoryview) else raw
