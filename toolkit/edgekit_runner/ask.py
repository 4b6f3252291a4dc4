"""Requests from the board itself to a cloud endpoint: its own network and processor count.

The host sends the tensors of each request, so the board needs no library; building the message,
sending, waiting, reading and decoding are the board's.
"""

from __future__ import annotations

import base64
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

from . import model_inputs, oip, wire
from .failure import Failure

Emit = Callable[..., None]
clock = time.perf_counter_ns

CHUNK = 5000
PAUSE_S = 0.05
"""After a failure that came at once."""
TELL_NS = 500_000_000
PARTS = (
    "server_preprocess",
    "server_queue",
    "server_batch_wait",
    "server_compute",
    "server_encode",
)


def ask(request: Dict[str, Any], emit: Emit) -> None:  # Any: JSON
    """Times requests one after the other; see wire.py for request and events."""
    messages = [[_tensor(entry) for entry in one] for one in request["requests"]]
    series = Series(request["model_name"], messages)
    connection = None
    try:
        connection = oip.Connection(oip.Endpoint(**request["endpoint"]), request["timeout_s"])
        started = clock()
        series.exchange(connection, 0)
        once = dict(connection.once_ns, first_request=clock() - started)
        for i in range(request["warmup_runs"]):
            series.exchange(connection, i)
    except oip.RequestFailed as error:
        text, hint = error.message, _hint(error.reason)
        if connection is not None and error.reason == oip.REFUSED:
            forms = {request.get("form", ""): messages[0]}
            text, hint = _refusal(connection, series.model, forms) or (text, hint)
        raise Failure(wire.ERROR_ENDPOINT, text, hint) from error
    for phase, spent in once.items():
        emit("once", phase=phase, ns=spent)
    series.run(connection, request["runs"], request["max_duration_s"], emit)
    connection.close()
    series.tell(emit)


class Series:
    """Samples of requests to one model."""

    def __init__(self, model: str, messages: List[List[oip.Tensor]]) -> None:
        self.model = model
        self.messages = messages
        self.samples = {}  # type: Dict[str, List[int]]
        self.starts = []  # type: List[int]
        self.up_bytes = []  # type: List[int]
        self.down_bytes = []  # type: List[int]

    def run(self, connection: oip.Connection, runs: int, seconds: float, emit: Emit) -> None:
        """Asks until there are enough samples, or the time is over."""
        begin = told = clock()
        for i in range(runs):
            started = clock()
            if i and started - begin > seconds * 1e9:
                return
            try:
                phases, sizes = self.exchange(connection, i)
            except oip.RequestFailed as error:
                spent = clock() - started
                emit(
                    "failure",
                    at=started - begin,
                    ns=spent,
                    reason=error.reason,
                    text=error.message,
                )
                if spent < PAUSE_S * 1e9:
                    time.sleep(PAUSE_S)
                continue
            self._keep(started - begin, phases, sizes)
            if clock() - told > TELL_NS:
                told = clock()
                emit("progress", count=len(self.starts))

    def exchange(
        self, connection: oip.Connection, i: int
    ) -> Tuple[Dict[str, int], Tuple[int, int]]:
        """One request: its phases, and the bytes up and down."""
        started = clock()
        message = connection.encode(self.model, self.messages[i % len(self.messages)], str(i))
        ready = clock()
        reply = connection.send(message)
        answered = clock()
        _, told = oip.decode(reply)
        ended = clock()
        phases = dict(
            reply.phases_ns,
            encode=ready - started,
            round_trip=answered - ready,
            decode=ended - answered,
            total=ended - started,
        )
        for name in PARTS:
            value = told.get(name + "_ns")
            if isinstance(value, int) and value >= 0:
                phases[name] = value
        return phases, (len(message.body), len(reply.body))

    def tell(self, emit: Emit) -> None:
        """Everything that was kept, in chunks."""
        for name, values in self.samples.items():
            _emit_chunks(emit, "samples", values, phase=name)
        _emit_chunks(emit, "starts", self.starts)
        _emit_chunks(emit, "up_bytes", self.up_bytes)
        _emit_chunks(emit, "down_bytes", self.down_bytes)

    def _keep(self, start: int, phases: Dict[str, int], sizes: Tuple[int, int]) -> None:
        if self.samples and set(self.samples) != set(phases):
            phases = {name: phases.get(name, 0) for name in self.samples}
        for name, value in phases.items():
            self.samples.setdefault(name, []).append(value)
        self.starts.append(start)
        self.up_bytes.append(sizes[0])
        self.down_bytes.append(sizes[1])


def _refusal(
    connection: oip.Connection, model: str, forms: Dict[str, List[oip.Tensor]]
) -> Optional[Tuple[str, str]]:
    names = model_inputs.names_of(connection.models())
    return model_inputs.explain(model, forms, next(iter(forms)), connection.describe(model), names)


def _tensor(entry: Dict[str, Any]) -> oip.Tensor:  # Any: JSON
    data = base64.b64decode(entry["data"])
    return oip.Tensor(entry["name"], entry["datatype"], tuple(entry["shape"]), data)


def _emit_chunks(emit: Emit, event: str, values: List[int], **fields: Any) -> None:  # Any: JSON
    for at in range(0, len(values), CHUNK):
        emit(event, ns=values[at : at + CHUNK], **fields)


def _hint(reason: str) -> str:
    if reason in (oip.UNREACHABLE, oip.TIMEOUT):
        return "the board itself must reach the endpoint: an address of its network, not 127.0.0.1"
    if reason == oip.UNTRUSTED:
        return (
            "install the certificate that signed the endpoint's on the board; is it still valid?"
        )
    return "give the REST address of an Open Inference Protocol v2 server, and --model-name"
