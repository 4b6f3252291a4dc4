"""Times requests to Open Inference Protocol v2 endpoints, one after the other or at a rate.

request  {"folder": artifact folder whose recorded inputs are sent, "model_name": NAME,
          "payload": "tensor"|"picture"|"jpeg", "runs": N, "warmup_runs": N, "max_duration_s": S,
          "timeout_s": S, "trips": [{"id", "protocol": "grpc"|"rest", "endpoint": {...}}],
          "load": {"concurrency": N} or {"rate": R, "arrivals": "poisson"|"constant", "seconds": S,
          "connections": N}}
reply    {"trips": {ID: {"once_ns": {...}, "samples_ns": {...}, "starts_ns": [...],
          "up_bytes": [N], "down_bytes": [N], "failures": [[start_ns, spent_ns, reason, text]]}},
          "payload_bytes": {KIND: mean bytes}}

Trips that go one after the other are interleaved in blocks, so that a disturbance of the machine
meets all of them alike. At a rate the latency counts from the moment at which the request was due,
whether or not it could leave then: ``late`` tells the difference, so nothing is omitted when the
other side is slow. A request starts with the decoded picture (or the recorded input) and ends with
the answer's arg-max, as on the board. A request that fails is a sample of its own kind.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy

from edgekit.cloud.serving.connections import Connection, connect
from edgekit.cloud.serving.payload import Payload
from edgekit.cloud.serving.tensors import DTYPES
from edgekit.core.errors import EndpointFailed
from edgekit_runner import model_inputs, oip
from edgekit_runner.samples import Release

clock = time.perf_counter_ns

BLOCK_RUNS = 10
SPIN_S = 3e-4
"""The last part of a wait is spent awake: sleeping ends late by about this much."""
PINGS = 3
PAUSE_S = 0.05
"""After a failure that came at once, so that a dead endpoint is not asked thousands of times."""
SERVER_PHASES = (
    "server_preprocess",
    "server_queue",
    "server_batch_wait",
    "server_compute",
    "server_encode",
)
HINTS = {
    oip.UNREACHABLE: "is it running? edgekit serve ARTIFACT starts one",
    oip.REFUSED: "does it serve the model under this name, over this protocol? --model-name, --cloud",
    oip.OVERLOADED: "it has more requests than it takes; ask again later",
    oip.TIMEOUT: "is the address right, and the network up?",
    oip.BROKEN: "give the port of an Open Inference Protocol v2 server; https:// or grpcs:// for TLS",
    oip.UNTRUSTED: "--ca FILE names the certificate that signed it; is it still valid, for this name?",
}


@dataclass
class Trip:
    """One way to the endpoint with its samples."""

    id: str
    protocol: str
    endpoint: oip.Endpoint
    once_ns: dict[str, int] = field(default_factory=dict)
    samples_ns: dict[str, list[int]] = field(default_factory=dict)
    starts_ns: list[int] = field(default_factory=list)
    up_bytes: list[int] = field(default_factory=list)
    down_bytes: list[int] = field(default_factory=list)
    failures: list[tuple[int, int, str, str]] = field(default_factory=list)
    spent_ns: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def count(self) -> int:
        """Requests so far."""
        return len(self.starts_ns) + len(self.failures)

    def document(self) -> dict[str, Any]:  # Any: JSON
        """What the host is told, in the order in which requests started."""
        order = sorted(range(len(self.starts_ns)), key=self.starts_ns.__getitem__)

        def ordered(values: list[int]) -> list[int]:
            return [values[i] for i in order]

        return {
            "once_ns": self.once_ns,
            "samples_ns": {name: ordered(values) for name, values in self.samples_ns.items()},
            "starts_ns": ordered(self.starts_ns),
            "up_bytes": ordered(self.up_bytes),
            "down_bytes": ordered(self.down_bytes),
            "failures": sorted(self.failures),
        }


class Driver:
    """Sends requests and keeps their samples."""

    def __init__(self, request: dict[str, Any]) -> None:  # Any: JSON
        self.request = request
        self.payload = Payload(Release(request["folder"]), request["payload"])
        self.model = request["model_name"]
        self.timeout_s = request["timeout_s"]
        self.trips = [
            Trip(item["id"], item["protocol"], oip.Endpoint(**item["endpoint"]))
            for item in request["trips"]
        ]
        self.begin_ns = clock()

    def open(self, trip: Trip) -> Connection:
        """A warm connection.

        Raises:
            EndpointFailed: the endpoint does not answer as it should.
        """
        connection: Connection | None = None
        try:
            connection = connect(trip.protocol, trip.endpoint, self.timeout_s)
            started = clock()
            self.ask(connection, 0)
            once = dict(connection.once_ns, first_request=clock() - started)
            for i in range(self.request["warmup_runs"]):
                self.ask(connection, i)
            if not trip.once_ns:
                trip.once_ns = once | _pinged(connection)
        except oip.RequestFailed as err:
            is_away = err.reason in (oip.UNREACHABLE, oip.UNTRUSTED)
            what = "" if is_away else "the endpoint refused the request: "
            text, hint = f"{what}{err.message}", HINTS[err.reason]
            if connection and err.reason == oip.REFUSED:
                text, hint = self._explain(connection) or (text, hint)
            raise EndpointFailed(text, hint=hint) from err
        return connection

    def _explain(self, connection: Connection) -> tuple[str, str] | None:
        """Why the endpoint refuses what is sent, from what it says of its models."""
        return model_inputs.explain(
            self.model,
            self.payload.first_in_each_form(),
            self.payload.kind,
            connection.describe(self.model),
            model_inputs.names_of(connection.models()),
        )

    def ask(self, connection: Connection, i: int) -> tuple[dict[str, int], int, int]:
        """One request: its phases, and the bytes up and down."""
        started = clock()
        inputs = self.payload.inputs(i)
        prepared = clock()
        exchange = connection.exchange(self.model, inputs, str(i))
        received = clock()
        _read(exchange.outputs)
        ended = clock()
        phases = exchange.phases_ns
        samples = {
            "encode": prepared - started + phases["message"],
            "round_trip": phases["round_trip"],
            "decode": ended - received + phases["parse"],
            "total": ended - started,
        }
        samples |= {name: phases[name] for name in ("send", "wait", "receive") if name in phases}
        for name in SERVER_PHASES:
            value = exchange.told.get(f"{name}_ns")
            if isinstance(value, int) and value >= 0:
                samples[name] = value
        return samples, *exchange.sizes()

    def sample(
        self, trip: Trip, connection: Connection, i: int, due_ns: int | None = None
    ) -> None:
        """One timed request; a failure is kept as one."""
        started = clock()
        try:
            samples, up_bytes, down_bytes = self.ask(connection, i)
        except oip.RequestFailed as err:
            spent = clock() - started
            with trip.lock:
                trip.failures.append((started - self.begin_ns, spent, err.reason, err.message))
                trip.spent_ns += spent
            if spent < PAUSE_S * 1e9:
                time.sleep(PAUSE_S)
            return
        if due_ns is not None:
            samples["late"] = max(started - due_ns, 0)
            samples["service"] = samples["total"]
            samples["total"] += samples["late"]
        with trip.lock:
            if trip.samples_ns and set(samples) != set(trip.samples_ns):
                samples = {name: samples.get(name, 0) for name in trip.samples_ns}
            for name, value in samples.items():
                trip.samples_ns.setdefault(name, []).append(value)
            trip.starts_ns.append((due_ns or started) - self.begin_ns)
            trip.up_bytes.append(up_bytes)
            trip.down_bytes.append(down_bytes)
            trip.spent_ns += clock() - started


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the module's docstring."""
    driver = Driver(request)
    load = request.get("load") or {"concurrency": 1}
    if "rate" in load:
        for trip in driver.trips:
            at_a_rate(driver, trip, load)
    elif load["concurrency"] > 1:
        for trip in driver.trips:
            side_by_side(driver, trip, load["concurrency"])
    else:
        interleaved(driver)
    return {
        "trips": {trip.id: trip.document() for trip in driver.trips},
        "payload_bytes": driver.payload.sizes(),
    }


def interleaved(driver: Driver) -> None:
    """One request after the other, all trips in turn."""
    pending = [(trip, driver.open(trip)) for trip in driver.trips]
    limit_ns = driver.request["max_duration_s"] * 1e9
    while pending:
        for pair in list(pending):
            trip, connection = pair
            for _ in range(BLOCK_RUNS):
                is_late = trip.count > 0 and trip.spent_ns >= limit_ns
                if trip.count >= driver.request["runs"] or is_late:
                    pending.remove(pair)
                    connection.close()
                    break
                driver.sample(trip, connection, trip.count)


def side_by_side(driver: Driver, trip: Trip, concurrency: int) -> None:
    """So many requests at any time."""
    connections = [driver.open(trip) for _ in range(concurrency)]
    end_ns = clock() + int(driver.request["max_duration_s"] * 1e9)
    numbers = iter(range(driver.request["runs"]))
    lock = threading.Lock()

    def work(connection: Connection) -> None:
        while clock() < end_ns:
            with lock:
                i = next(numbers, None)
            if i is None:
                return
            driver.sample(trip, connection, i)

    _run_threads(work, connections)


def at_a_rate(driver: Driver, trip: Trip, load: dict[str, Any]) -> None:  # Any: JSON
    """Requests that are due whether or not earlier ones were answered."""
    connections = [driver.open(trip) for _ in range(load["connections"])]
    begin_ns = clock() + 10_000_000
    due = [begin_ns + at for at in schedule(load["rate"], load["seconds"], load["arrivals"])]
    numbers = iter(range(len(due)))
    lock = threading.Lock()

    def work(connection: Connection) -> None:
        while True:
            with lock:
                i = next(numbers, None)
            if i is None:
                return
            sleep_until(due[i])
            driver.sample(trip, connection, i, due[i])

    _run_threads(work, connections)


def _pinged(connection: Connection) -> dict[str, int]:
    """The middle one of a few pings, where the endpoint answers to them."""
    found = [spent for _ in range(PINGS) if (spent := connection.ping_ns()) is not None]
    return {"ping": sorted(found)[len(found) // 2]} if found else {}


def schedule(rate: float, seconds: float, arrivals: str, seed: int = 1) -> list[int]:
    """Nanoseconds at which requests are due.

    Poisson arrivals have exponential gaps, as many independent people make them.
    """
    if arrivals == "constant":
        return [int(i / rate * 1e9) for i in range(int(rate * seconds))]
    source = random.Random(seed)  # noqa: S311  no secret
    at, found = source.expovariate(rate), []
    while at < seconds:
        found.append(int(at * 1e9))
        at += source.expovariate(rate)
    return found


def sleep_until(due_ns: int) -> None:
    """Returns at the moment, not before it."""
    left_s = (due_ns - clock()) / 1e9
    if left_s > SPIN_S:
        time.sleep(left_s - SPIN_S)
    while clock() < due_ns:
        pass


def _run_threads(work: Any, connections: Sequence[Connection]) -> None:  # Any: a function
    threads = [threading.Thread(target=work, args=(c,), daemon=True) for c in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for connection in connections:
        connection.close()


def _read(outputs: Sequence[oip.Tensor]) -> None:
    """Does with the answer what an application does first: look for the largest score."""
    if outputs:
        first = outputs[0]
        try:
            array = numpy.frombuffer(first.data, DTYPES[first.datatype]).reshape(first.shape)
        except (KeyError, ValueError) as err:
            raise oip.RequestFailed(
                oip.BROKEN, f"output {first.name!r} cannot be read: {err}"
            ) from err
        if array.size:
            array.argmax()
