"""The cases: each measures one thing, and gives its part of the section with whether a goal was met."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from benchmark_page import table
from cloud_bench import peers
from cloud_bench.measuring import PROGRAMS, Bench, p50_ms, per_second
from edgekit.cloud.options import ModelOptions
from edgekit.core.network import CloudTrip, NetworkProfile, OpenLoad
from edgekit.core.units import format_bytes
from edgekit.measure.compare import break_even_rtt_ms
from edgekit.measure.stats import median, percentile
from edgekit.toolenvs.child import Child
from edgekit.toolenvs.environment import ensure
from edgekit.toolenvs.worker import source_path, worker_variables
from edgekit_runner import oip

ROUNDS = 3
"""Every endpoint is asked in so many turns; the median of the turns' medians counts."""
ONE_THREAD = ModelOptions(threads=1)
GOAL_OF_SDK, GOAL_OF_JSON, GOAL_OF_REPLICAS, GOAL_OF_BREAK_EVEN = 1.1, 1 / 3, 1.7, 0.05
GOAL_LATE_P50_US, GOAL_LATE_P99_US = 20.0, 1000.0
GOAL_OF_PHASES = 0.01
RATE_PER_S = 100.0
NEAR_MS, EVEN_MS = 20.0, 60.0
CROWD = 16
"""Requests at any time where batches are to form."""


@dataclass(frozen=True)
class Part:
    """What a case found."""

    text: str
    goals: tuple[tuple[str, bool], ...] = ()


def _goals(part: Sequence[tuple[str, bool]]) -> str:
    return "\n".join(f"* {text}: **{'met' if is_met else 'missed'}**" for text, is_met in part)


def protocols(bench: Bench) -> Part:
    """A tensor of 602 KB through every server and protocol."""
    with ExitStack() as stack:
        ours = stack.enter_context(bench.serve("relu", options=ONE_THREAD))
        log = bench.folder / "kserve.txt"
        argv = [str(ensure("cloud")), str(PROGRAMS / "kserve_sample.py")]
        variables = worker_variables(source_path())
        sdk = Child(argv, name="KServe sample", log=log, timeout_s=120, env=variables)
        stack.callback(sdk.close)
        ml_grpc, ml_http = stack.enter_context(peers.mlserver(bench.folder / "mlserver"))
        model = bench.artifact("relu") / "model.onnx"
        plain = stack.enter_context(peers.plain_fastapi(model, bench.folder / "plain"))
        sdk_http = f"http://127.0.0.1:{sdk.announced['http_port']}"
        cells: dict[str, tuple[str, str, str]] = {
            "edgekit serve, gRPC": (ours.endpoint, "tensor", ""),
            "edgekit serve, REST binary": (ours.http_endpoint, "tensor", ""),
            "edgekit serve, REST JSON": (ours.http_endpoint, "json", ""),
            "KServe SDK (echo), gRPC": (f"grpc://127.0.0.1:{sdk.port}", "tensor", "echo"),
            "KServe SDK (echo), REST binary": (sdk_http, "tensor", "echo"),
            "MLServer (echo), gRPC": (ml_grpc, "tensor", "echo"),
            "MLServer (echo), REST JSON": (ml_http, "json", "echo"),
            "FastAPI + ONNX Runtime, REST JSON": (plain, "json", "echo"),
        }
        found: dict[str, list[float]] = {name: [] for name in cells}
        failed: dict[str, str] = {}
        for turn in range(ROUNDS):
            for name, (endpoint, payload, model_name) in cells.items():
                if name in failed:
                    continue
                bench.note(f"protocols {turn + 1}/{ROUNDS}: {name}")
                found[name].append(_asked(bench, endpoint, payload, model_name, failed, name))
    p50 = {name: median(values) for name, values in found.items() if name not in failed}
    own = p50["edgekit serve, gRPC"]
    rows = [
        [name, f"{p50[name]:.2f} ms", f"{p50[name] / own:.2f}"]
        if name in p50
        else [name, failed[name], "-"]
        for name in cells
    ]
    to_sdk = own / p50["KServe SDK (echo), gRPC"]
    to_json = p50["edgekit serve, REST binary"] / p50["edgekit serve, REST JSON"]
    goals = [
        (f"gRPC at most {GOAL_OF_SDK} times the SDK's echo: {to_sdk:.2f}", to_sdk <= GOAL_OF_SDK),
        (f"REST binary below a third of REST JSON: {to_json:.3f}", to_json < GOAL_OF_JSON),
    ]
    if "MLServer (echo), gRPC" in p50:
        to_ml = own / p50["MLServer (echo), gRPC"]
        goals.append((f"gRPC below MLServer's: {to_ml:.2f} of it", to_ml < 1))
    text = (
        "### One request\nA float tensor of 602 KB there and back over loopback, one request at a "
        "time, from the picture to the arg-max of the answer. Ours and FastAPI's compute a Relu, the "
        "others echo.\n\n" + table(["endpoint", "p50", "to edgekit's gRPC"], rows)
    )
    return Part(f"{text}\n\n{_goals(goals)}", tuple(goals))


def _asked(
    bench: Bench, endpoint: str, payload: str, model: str, failed: dict[str, str], name: str
) -> float:
    from edgekit.core.errors import EndpointFailed

    try:
        return p50_ms(bench.trip(endpoint, "relu", payload, model_name=model))
    except EndpointFailed as err:  # a peer that does not take the form is a result
        failed[name] = err.message[:80]
        return 0.0


def keep_alive(bench: Bench) -> Part:
    """A connection for all requests against one for each, near and far."""
    from edgekit.networks.catalog import load_network
    from edgekit.networks.link import ShapingLink

    rows = []
    message = [oip.Tensor("x", "FP32", (1, 256), bytes(1024))]
    with bench.serve("wide", options=ONE_THREAD) as server:
        for name in ("fiber", "4g"):
            network = load_network(name)
            with ShapingLink(network, "127.0.0.1", server.http_port) as link:
                bench.note(f"connections over {name}")
                endpoint = oip.Endpoint(link.host, link.port)
                kept, fresh = _connected(endpoint, message, count=min(bench.runs, 40))
            rows.append([name, f"{kept:.1f} ms", f"{fresh:.1f} ms", f"{fresh - kept:.1f} ms"])
    text = "### Connections\nThe same small request over one connection, and over a new one each time."
    return Part(f"{text}\n\n{table(['network', 'kept', 'new each time', 'more'], rows)}")


def _connected(
    endpoint: oip.Endpoint, tensors: list[oip.Tensor], *, count: int
) -> tuple[float, float]:
    """Medians in milliseconds of requests over one connection, and over new ones, in turn."""
    kept = oip.Connection(endpoint, 30.0)
    times: dict[bool, list[float]] = {True: [], False: []}
    for i in range(2 * count + 2):
        is_kept = i % 2 == 0
        begun = oip.clock()
        connection = kept if is_kept else oip.Connection(endpoint, 30.0)
        oip.decode(connection.send(connection.encode("wide", tensors)))
        if i >= 2:
            times[is_kept].append((oip.clock() - begun) / 1e6)
        if not is_kept:
            connection.close()
    kept.close()
    return median(times[True]), median(times[False])


def options(bench: Bench) -> Part:
    """What batching, kept answers and workers bring."""
    rows = []
    batched = ModelOptions(threads=1, max_batch=8, max_wait_ms=2.0)
    for name, chosen in (("off", ONE_THREAD), ("up to 8, 2 ms", batched)):
        with bench.serve("wide", options=chosen) as server:
            bench.note(f"batching {name}")
            trip = _crowd(bench, server.endpoint, "wide", 16)
        rows.append(
            ["batching", name, "16", f"{per_second(trip):.0f}/s", f"{p50_ms(trip):.2f} ms"]
        )
    for name, chosen in (("off", ONE_THREAD), ("64 MB", ModelOptions(threads=1, cache_mb=64.0))):
        with bench.serve("busy", options=chosen) as server:
            bench.note(f"kept answers {name}")
            trip = bench.trip(server.endpoint, "busy")
        shown = f"{per_second(trip):.0f}/s"
        rows.append(["kept answers, all known", name, "1", shown, f"{p50_ms(trip):.2f} ms"])
    heads = ["option", "", "at a time", "answers", "p50"]
    text = (
        "### Options of the server\nModels: `wide` takes 8 samples at a cost little above that of "
        "one, and is asked for one at a time; `busy` computes some 20 ms on one thread."
    )
    return Part(f"{text}\n\n{table(heads, rows)}")


def _single_rows(port: int, seconds: float) -> tuple[float, float]:
    """Answers per second and their median, of requests of one sample from many threads."""
    tensors = [oip.Tensor("x", "FP32", (1, 256), bytes(1024))]
    times: list[float] = []
    end = time.monotonic() + seconds

    def work() -> None:
        connection = oip.Connection(oip.Endpoint("127.0.0.1", port), 30.0)
        while time.monotonic() < end:
            begun = oip.clock()
            oip.decode(connection.send(connection.encode("wide", tensors)))
            times.append((oip.clock() - begun) / 1e6)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(CROWD)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(times) / seconds, median(times)


def _crowd(bench: Bench, endpoint: str, name: str, concurrency: int) -> CloudTrip:
    return bench.trip(endpoint, name, concurrency=concurrency, runs=1_000_000)


def replicas(bench: Bench) -> Part:
    """One process, two workers in it, and one and two replicas on Ray Serve."""
    cases: dict[str, tuple[ModelOptions, tuple[int, int]]] = {
        "1 worker": (ONE_THREAD, (0, 0)),
        "2 workers": (ModelOptions(threads=1, workers=2), (0, 0)),
        "1 replica on Ray Serve": (ONE_THREAD, (1, 1)),
        "2 replicas on Ray Serve": (ONE_THREAD, (2, 2)),
    }
    rates: dict[str, list[float]] = {name: [] for name in cases}
    for turn in range(ROUNDS):
        for name, (chosen, count) in cases.items():
            bench.note(f"replicas {turn + 1}/{ROUNDS}: {name}")
            with bench.serve("busy", options=chosen, replicas=count) as server:
                rates[name].append(per_second(_crowd(bench, server.endpoint, "busy", 4)))
    found = {name: median(values) for name, values in rates.items()}
    base = {
        name: found["1 replica on Ray Serve" if "Ray" in name else "1 worker"] for name in cases
    }
    rows = [[n, f"{found[n]:.1f}/s", f"{found[n] / base[n]:.2f}"] for n in cases]
    gain = found["2 replicas on Ray Serve"] / found["1 replica on Ray Serve"]
    goals = [
        (
            f"two replicas answer at least {GOAL_OF_REPLICAS} times as many: {gain:.2f}",
            gain >= GOAL_OF_REPLICAS,
        )
    ]
    text = (
        "### Side by side\nThe model `busy`, one thread per engine, four requests at any time; the "
        "client shares the machine's processors."
    )
    heads = ["", "answers", "to one"]
    return Part(f"{text}\n\n{table(heads, rows)}\n\n{_goals(goals)}", tuple(goals))


def send_times(bench: Bench) -> Part:
    """How late requests of an open load leave, beside Locust's tasks."""
    seconds = bench.seconds
    with bench.serve("wide", options=ONE_THREAD) as server:
        bench.note("send times")
        load = OpenLoad(RATE_PER_S, "constant", seconds, 8)
        trip = bench.trip(server.endpoint, "wide", load=load)
    bench.note("send times of Locust")
    ours = [value / 1e3 for value in trip.samples_ns["late"]]
    theirs = peers.locust_lateness_us(RATE_PER_S, seconds, bench.folder)
    rows = []
    for name, late in (("edgekit load", ours), ("Locust 2.47 (constant_throughput)", theirs)):
        p50, p99 = (percentile(sorted(late), q) for q in (0.5, 0.99))
        rows.append([name, f"{p50:.1f} us", f"{p99:.0f} us"])
    rows.append(["wrk2 (its documentation, not measured)", "-", "1000 us"])
    p50, p99 = (percentile(sorted(ours), q) for q in (0.5, 0.99))
    goals = [
        (f"p50 at most {GOAL_LATE_P50_US:g} us: {p50:.1f}", p50 <= GOAL_LATE_P50_US),
        (f"p99 at most {GOAL_LATE_P99_US:g} us: {p99:.0f}", p99 <= GOAL_LATE_P99_US),
    ]
    text = (
        f"### Send times\nHow late requests left that were due at {RATE_PER_S:g} per second, with "
        "the server on the same machine; Locust's tasks do nothing."
    )
    return Part(
        f"{text}\n\n{table(['generator', 'p50', 'p99'], rows)}\n\n{_goals(goals)}", tuple(goals)
    )


def phases_and_break_even(bench: Bench) -> Part:
    """Whether phases add up, and whether the formula finds where edge and cloud tie."""
    with bench.serve("busy", options=ONE_THREAD) as server:
        bench.note("phases")
        shares = []
        for endpoint in (server.endpoint, server.http_endpoint):
            samples = bench.trip(endpoint, "busy").samples_ns
            parts = zip(samples["encode"], samples["round_trip"], samples["decode"], strict=True)
            rest = [t - sum(p) for t, p in zip(samples["total"], parts, strict=True)]
            shares.append(
                median([abs(r) / t for r, t in zip(rest, samples["total"], strict=True)])
            )

    even = [_break_even(bench, name) for name in ("wide", "busy")]
    worst, error = max(shares), even[0].error
    goals = [
        (f"phases add up to the total within 1 %: {worst:.3%} off", worst <= GOAL_OF_PHASES),
        (
            f"break-even by formula within 5 % of the sweep, for 8 kB: {error:+.1%}",
            abs(error) <= GOAL_OF_BREAK_EVEN,
        ),
    ]
    rows = [
        [
            e.size,
            f"{e.edge_ms:.1f} ms",
            f"{e.formula_ms:.1f} ms",
            f"{e.swept_ms:.1f} ms",
            f"{e.error:+.1%}",
        ]
        for e in even
    ]
    text = (
        "### Phases and break-even\nEncode, round trip and decode against the total: the median of "
        "what is left, gRPC and REST. Then a board that is as fast as the endpoint at a round trip of "
        "60 ms would be by the formula, over links of 10 Mbit/s: from one measurement at 20 ms, and by "
        "halving. The formula takes one round trip per request; a request beyond the connection's "
        "window takes several, and then only `--verify-break-even` tells."
    )
    heads = ["request", "board", "by formula", "swept", "off"]
    return Part(f"{text}\n\n{table(heads, rows)}\n\n{_goals(goals)}", tuple(goals))


@dataclass(frozen=True)
class Even:
    """Where a board and the endpoint tie, by formula and by halving."""

    size: str
    edge_ms: float
    formula_ms: float
    swept_ms: float

    @property
    def error(self) -> float:
        """The formula against the sweep."""
        return self.formula_ms / self.swept_ms - 1


def _break_even(bench: Bench, name: str) -> Even:
    sizes: list[float] = []
    with bench.serve(name, options=ONE_THREAD) as server:

        def cloud_ms(rtt_ms: float) -> float:
            network = NetworkProfile("swept", "Swept", rtt_ms, 0.0, 10_000.0, 10_000.0, "a sweep")
            trip = bench.trip(server.endpoint, name, networks=(network,), runs=40)
            bench.note(f"{name}, round trip {rtt_ms:.1f} ms: {p50_ms(trip):.2f} ms")
            sizes.append(sum(trip.up_bytes) / len(trip.up_bytes))
            return p50_ms(trip)

        measured_ms = cloud_ms(NEAR_MS)
        edge_ms = measured_ms + EVEN_MS - NEAR_MS
        formula_ms = break_even_rtt_ms(edge_ms, measured_ms, NEAR_MS)
        swept_ms = _bisect(lambda rtt: cloud_ms(rtt) - edge_ms, 5.0, 150.0, turns=6)
    return Even(format_bytes(sizes[0]), edge_ms, formula_ms, swept_ms)


def _bisect(function: Callable[[float], float], low: float, high: float, *, turns: int) -> float:
    for _ in range(turns):
        middle = (low + high) / 2
        if function(middle) < 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


CASES = (protocols, keep_alive, options, replicas, send_times, phases_and_break_even)
