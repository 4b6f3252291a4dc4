"""A small front of the Open Inference Protocol v2 (REST) before a board's service and a cloud's.

``python -m edgekit.cloud.serving.router SETTINGS`` prints one JSON line with its port once it
answers, and ends when stdin closes. SETTINGS is JSON: host, port, edge and cloud ({"url", "model",
"ca_file"}), prefer, deadline_s, most_in_flight, max_body_bytes.

Bodies pass as they are. Every answer tells in ``edgekit-answered-by`` which side gave it, and in
``edgekit-hedged`` whether both were asked.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp
from aiohttp import web
from prometheus_client import Counter, generate_latest

from edgekit.cloud.serving.routing import CLOUD, EDGE, Side, plan

clock = time.monotonic
PROBE_S = 0.5
"""Between two looks at a side's health."""
PASSED_HEADERS = ("content-type", "inference-header-content-length", "authorization", "accept")
ANSWERS = Counter("edgekit_route_answers", "Answers by who gave them.", ["side"])
EVENTS = Counter("edgekit_route_events", "hedged, fallback, missed, failed.", ["event"])
UNWELL = (429, 500, 502, 503, 504)
"""Answers that say that this side cannot, not that the request is wrong."""


@dataclass(frozen=True)
class Answer:
    """What a side said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_good(self) -> bool:
        """True unless the side itself is unwell."""
        return self.status not in UNWELL


class Upstream:
    """One side over HTTP, with connections that stay open."""

    def __init__(self, side: Side, settings: dict[str, Any]) -> None:  # Any: JSON
        self.side = side
        self.url = settings["url"].rstrip("/")
        self.model = settings.get("model", "")
        context: ssl.SSLContext | bool = True
        if settings.get("ca_file"):
            context = ssl.create_default_context(cafile=settings["ca_file"])
        connector = aiohttp.TCPConnector(limit=0, ssl=context)
        self.session = aiohttp.ClientSession(connector=connector, auto_decompress=False)

    def path_of(self, path: str) -> str:
        """The path with this side's own name of the model."""
        parts = path.split("/")
        if self.model and path.startswith("/v2/models/") and len(parts) > 3:
            parts[3] = quote(self.model, safe="")
        return "/".join(parts)

    async def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, timeout_s: float
    ) -> Answer:
        """One request; how it went is remembered.

        Raises:
            OSError: there was no answer in time.
        """
        begun = clock()
        self.side.in_flight += 1
        try:
            async with self.session.request(
                method,
                self.url + self.path_of(path),
                headers=dict(headers),
                data=body or None,
                timeout=aiohttp.ClientTimeout(total=timeout_s),
                allow_redirects=False,
            ) as reply:
                found = Answer(reply.status, reply.headers.copy(), await reply.read())
        except (aiohttp.ClientError, TimeoutError, OSError) as err:
            self.side.failed(clock())
            raise ConnectionError(f"{self.side.name}: {err or type(err).__name__}") from err
        except asyncio.CancelledError:
            self.side.overtaken(clock() - begun, clock())
            raise
        finally:
            self.side.in_flight -= 1
        if found.is_good:
            self.side.answered(clock() - begun)
        else:
            self.side.failed(clock())
        return found

    async def watch(self, timeout_s: float) -> None:
        """Looks at the side's health for ever, so that requests need not find out."""
        limit = aiohttp.ClientTimeout(total=timeout_s)
        while True:
            try:
                async with self.session.get(self.url + "/v2/health/ready", timeout=limit) as reply:
                    is_ready = reply.status == 200
            except (aiohttp.ClientError, TimeoutError, OSError):
                is_ready = False
            if not is_ready:
                self.side.failed(clock())
            elif self.side.failures:
                self.side.failures, self.side.down_until_s = 0, 0.0
            await asyncio.sleep(PROBE_S)


class Router:
    """Answers requests by asking one side, or both."""

    def __init__(self, settings: dict[str, Any]) -> None:  # Any: JSON
        limit = settings["most_in_flight"]
        self.edge = Upstream(Side(EDGE, limit), settings["edge"])
        self.cloud = Upstream(Side(CLOUD, limit * 16), settings["cloud"])
        self.upstreams = {EDGE: self.edge, CLOUD: self.cloud}
        self.prefer = settings["prefer"]
        self.deadline_s = settings["deadline_s"]

    async def handle(self, request: web.Request) -> web.Response:
        """One request of any path of the protocol."""
        if request.path == "/metrics":
            return web.Response(body=generate_latest(), content_type="text/plain")
        begun = clock()
        body = await request.read()
        headers = {n: request.headers[n] for n in PASSED_HEADERS if n in request.headers}
        race = Race(self, begun, request.method, request.rel_url.raw_path, headers, body)
        answer = await race.run()
        kept = {n: answer.headers[n] for n in PASSED_HEADERS if n in answer.headers}
        kept["edgekit-answered-by"] = race.winner
        kept["edgekit-hedged"] = str(int(race.is_hedged))
        return web.Response(status=answer.status, body=answer.body, headers=kept)


class Race:
    """One request on its way to one side, or to both."""

    def __init__(
        self,
        router: Router,
        begun_s: float,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> None:
        self.router = router
        self.begun_s = begun_s
        self.message = (method, path, headers, body)
        self.winner = "none"
        self.is_hedged = False
        self.tasks: dict[asyncio.Task[Answer], str] = {}
        self.last: Answer | None = None
        self.said = ""

    async def run(self) -> Answer:
        """The first good answer; 504 at the deadline, the last bad one when both gave one."""
        router = self.router
        sides = (router.edge.side, router.cloud.side)
        chosen = plan(sides, router.prefer, router.deadline_s, clock())
        self._start(chosen.first)
        waiting: Side | None = chosen.second
        try:
            while True:
                hedge_s = chosen.hedge_after_s if waiting else None
                answer = await self._next(router.deadline_s if hedge_s is None else hedge_s)
                if answer:
                    return answer
                if self._left(router.deadline_s) <= 0:
                    return self._missed()
                if waiting:
                    self.is_hedged = bool(self.tasks)
                    EVENTS.labels("hedged" if self.tasks else "fallback").inc()
                    self._start(waiting)
                    waiting = None
                elif not self.tasks:
                    return self._failed()
        finally:
            for task in self.tasks:
                task.cancel()

    def _left(self, until_s: float) -> float:
        return until_s - (clock() - self.begun_s)

    def _start(self, side: Side) -> None:
        left_s = max(self._left(self.router.deadline_s), 0.001)
        asked = self.router.upstreams[side.name].ask(*self.message, left_s)
        self.tasks[asyncio.get_running_loop().create_task(asked)] = side.name

    async def _next(self, until_s: float) -> Answer | None:
        """A good answer before the time is over; None when there is none, or nobody is asked."""
        if not self.tasks:
            return None
        done, _ = await asyncio.wait(
            self.tasks, timeout=max(self._left(until_s), 0), return_when=asyncio.FIRST_COMPLETED
        )
        for task in done:
            name = self.tasks.pop(task)
            try:
                answer = task.result()
            except OSError as err:
                self.said = str(err)
                continue
            if answer.is_good:
                self.winner = name
                ANSWERS.labels(name).inc()
                return answer
            self.last = answer
        return None

    def _missed(self) -> Answer:
        EVENTS.labels("missed").inc()
        return _refusal(504, f"no side answered within {self.router.deadline_s * 1e3:g} ms")

    def _failed(self) -> Answer:
        EVENTS.labels("failed").inc()
        return self.last or _refusal(502, f"neither side answers; {self.said}")


def _refusal(status: int, text: str) -> Answer:
    body = json.dumps({"error": text}).encode()
    return Answer(status, {"content-type": "application/json"}, body)


async def _serve(settings: dict[str, Any], announce_to: int) -> None:  # Any: JSON
    router = Router(settings)
    app = web.Application(client_max_size=settings["max_body_bytes"])
    app.router.add_route("*", "/{path:.*}", router.handle)
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    site = web.TCPSite(runner, settings["host"], settings["port"])
    try:
        await site.start()
    except OSError as err:
        sys.exit(f"{settings['host']}:{settings['port']} cannot be used: {err.strerror}")
    port = runner.addresses[0][1]
    watches = [
        asyncio.create_task(upstream.watch(max(router.deadline_s, 1.0)))
        for upstream in (router.edge, router.cloud)
    ]
    os.write(announce_to, (json.dumps({"port": port}) + "\n").encode())
    await asyncio.gather(*watches)


def _end_with_stdin() -> None:
    """Ends the process when whoever started it is gone."""
    while sys.stdin.read(1):
        pass
    os._exit(0)


def main(arguments: list[str]) -> None:
    """Routes until stdin closes."""
    announce_to = os.dup(1)
    os.dup2(2, 1)
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    asyncio.run(_serve(json.loads(arguments[0]), announce_to))


if __name__ == "__main__":
    main(sys.argv[1:])
