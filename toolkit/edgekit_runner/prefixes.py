"""Times per operation of a TFLite model without a profiler: prefixes of the graph are timed.

A prefix is the model with fewer operations: the length of its operator list is lowered in place,
and its outputs become every tensor that the removed part would have read, so that a delegate
cannot leave out what belongs to the prefix. What an operation costs is what its prefix takes
longer than the one before it.

Source: the layout of FlatBuffers (flatbuffers.dev, "FlatBuffer Internals") and of the TFLite
schema (Model.subgraphs = 2; SubGraph.outputs = 2, operators = 3; Operator.inputs = 1, outputs = 2).
"""

from __future__ import annotations

import random
import struct
import time
from typing import Any, Dict, List, Sequence

from .engines.contract import OperationTime, Profile
from .failure import Failure
from .wire import ERROR_BAD_REQUEST

METHOD = "differences of the fastest runs of prefixes of the graph (the wheel has no profiler)"
ROUNDS = 3
"""Each prefix is loaded and timed so often, in random order, so that drift does not lean on one."""
BUDGET_NS = 20 * 10**9
"""The whole profile should take no longer, by fewer runs per prefix."""
LEAST_RUNS = 3
SUBGRAPHS, OUTPUTS, OPERATORS = 2, 2, 3
OPERATOR_INPUTS, OPERATOR_OUTPUTS = 1, 2


class Graph:
    """Positions of the parts of a TFLite file that a prefix changes."""

    def __init__(self, model: bytes) -> None:
        self.model = model
        try:
            root = self._u32(0)
            subgraphs = self._vector(root, SUBGRAPHS)
            if self._u32(subgraphs) != 1:
                raise Failure(
                    ERROR_BAD_REQUEST,
                    "the model has %d subgraphs; prefixes need one" % self._u32(subgraphs),
                )
            self.subgraph = subgraphs + 4 + self._u32(subgraphs + 4)
            self.operators = self._vector(self.subgraph, OPERATORS)
            self.count = self._u32(self.operators)
            tables = [self._element(self.operators, i) for i in range(self.count)]
            self.inputs = [self._integers(self._vector(t, OPERATOR_INPUTS)) for t in tables]
            self.outputs = [self._integers(self._vector(t, OPERATOR_OUTPUTS)) for t in tables]
            self.results = self._integers(self._vector(self.subgraph, OUTPUTS))
        except (struct.error, IndexError) as error:
            raise Failure(ERROR_BAD_REQUEST, "the model is no TFLite file") from error

    def prefix(self, length: int) -> bytes:
        """The model with its first ``length`` operations."""
        model = bytearray(self.model)
        struct.pack_into("<I", model, self.operators, length)
        model += b"\0" * (-len(model) % 4)
        place = self.subgraph + self._field(self.subgraph, OUTPUTS)
        struct.pack_into("<I", model, place, len(model) - place)
        live = self.live(length)
        model += struct.pack("<I%di" % len(live), len(live), *live)
        return bytes(model)

    def live(self, length: int) -> List[int]:
        """Tensors that the first operations make and that are read after them."""
        made = {tensor for outputs in self.outputs[:length] for tensor in outputs}
        read = {tensor for inputs in self.inputs[length:] for tensor in inputs}
        return sorted(made & (read | set(self.results)))

    def _u32(self, position: int) -> int:
        return int(struct.unpack_from("<I", self.model, position)[0])

    def _field(self, table: int, number: int) -> int:
        vtable = table - int(struct.unpack_from("<i", self.model, table)[0])
        size = struct.unpack_from("<H", self.model, vtable)[0]
        place = 4 + 2 * number
        return int(struct.unpack_from("<H", self.model, vtable + place)[0]) if place < size else 0

    def _vector(self, table: int, number: int) -> int:
        offset = self._field(table, number)
        if not offset:
            return 0
        return table + offset + self._u32(table + offset)

    def _element(self, vector: int, index: int) -> int:
        place = vector + 4 + 4 * index
        return place + self._u32(place)

    def _integers(self, vector: int) -> List[int]:
        if not vector:
            return []
        return list(struct.unpack_from("<%di" % self._u32(vector), self.model, vector + 4))


def profile_prefixes(session: Any, inputs: List[Any], runs: int) -> Profile:
    """Times per operation of an InterpreterSession's model.

    Args:
        session: engines.litert.InterpreterSession.
        inputs: numpy arrays that every prefix runs on.
        runs: inferences per prefix and round; fewer when the model is slow.
    """
    with open(session.model_path, "rb") as stream:
        graph = Graph(stream.read())
    names = [op["op_name"] for op in session.interpreter._get_ops_details()][: graph.count]
    whole_ns = _fastest_ns(
        session.make(model_path=session.model_path), session, inputs, LEAST_RUNS
    )
    expected_ns = max(ROUNDS * graph.count * whole_ns * 0.5, 1.0)
    runs = max(LEAST_RUNS, min(runs, int(BUDGET_NS / expected_ns)))
    times: Dict[int, List[float]] = {}
    order = list(range(1, graph.count + 1))
    shuffle = random.Random(0).shuffle  # noqa: S311  an order, not a secret
    for _ in range(ROUNDS):
        shuffle(order)
        for length in order:
            model = graph.prefix(length)
            interpreter = session.make(model_content=model)
            times.setdefault(length, []).append(_fastest_ns(interpreter, session, inputs, runs))
    rising = monotone([min(times[length]) for length in range(1, graph.count + 1)])
    operations = []
    before = 0.0
    for i, (name, upto) in enumerate(zip(names, rising)):
        label = "%d %s" % (i, name)
        operations.append(OperationTime(label, name, "litert", max(upto - before, 0.0)))
        before = upto
    return Profile("%s, %d runs each" % (METHOD, ROUNDS * runs), operations, before)


# Any: an Interpreter, an InterpreterSession, numpy arrays
def _fastest_ns(interpreter: Any, session: Any, inputs: List[Any], runs: int) -> float:
    """The fastest run: what disturbs a run only ever adds to it, and differences need precision."""
    for item, value in zip(session.input_details, inputs):
        interpreter.set_tensor(item["index"], value)
    interpreter.invoke()
    fastest = 0
    for _ in range(runs):
        begin = time.perf_counter_ns()
        interpreter.invoke()
        spent_ns = time.perf_counter_ns() - begin
        fastest = min(fastest or spent_ns, spent_ns)
    return float(fastest)


def monotone(values: Sequence[float]) -> List[float]:
    """The nearest series that never falls: a longer prefix cannot be faster.

    Source: pool adjacent violators (Barlow et al., Statistical Inference under Order
    Restrictions, 1972).

    Example:
        >>> monotone([1.0, 3.0, 2.0, 4.0])
        [1.0, 2.5, 2.5, 4.0]
    """
    pools: List[List[float]] = []
    for value in values:
        pools.append([value, 1.0])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, n), (b, m) = pools[-2], pools.pop()
            pools[-1] = [(a * n + b * m) / (n + m), n + m]
    return [mean for mean, count in pools for _ in range(int(count))]
