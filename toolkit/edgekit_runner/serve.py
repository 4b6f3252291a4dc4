"""Serves the active release over loopback HTTP: Open Inference Protocol v2 in JSON, health, metrics."""

from __future__ import annotations

import json
import os
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Dict, Tuple

from . import __version__, inference_protocol, wire
from .failure import Failure
from .inference_protocol import BadInference
from .layout import safe_name
from .served_model import ServedModel, choose_release

Emit = Callable[..., None]
HOST = "127.0.0.1"
"""Nothing but this machine: who wants more puts a proxy with authentication in front."""
MAX_BODY_BYTES = 64000000
MAX_CONNECTIONS = 32
CONNECTION_TIMEOUT_S = 30
DEFAULT_WATCHDOG_S = 30.0


def serve(request: Dict[str, Any], emit: Emit) -> None:  # Any: JSON
    """Loads the model, answers until it is told to stop."""
    app = safe_name(request["app"])
    model = ServedModel(app, choose_release(app), int(request.get("threads", 1)))
    try:
        server = Server(model, int(request.get("port", wire.SERVE_PORT)))
    except OSError as error:
        text = "port %s cannot be used: %s" % (
            request.get("port", wire.SERVE_PORT),
            error.strerror,
        )
        raise Failure(wire.ERROR_IO, text, "give another one: --service-port") from error
    with server:
        emit("serving", port=server.server_port, release=model.version, engine=model.engine)
        notify("READY=1\nSTATUS=serving %s %s" % (app, model.version))
        stop = threading.Event()
        watchdog = threading.Thread(target=_watch, args=(model, stop), daemon=True)
        watchdog.start()
        try:
            server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:  # SIGTERM is the way to end a service
            notify("STOPPING=1")
        finally:
            stop.set()
    emit("stopped", requests=sum(model.counters.outcomes.values()))


class Server(ThreadingHTTPServer):
    """A thread per connection, up to a limit."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, model: ServedModel, port: int) -> None:
        self.model = model
        self.slots = threading.BoundedSemaphore(MAX_CONNECTIONS)
        super().__init__((HOST, port), Handler)

    def process_request(self, request: Any, client_address: Any) -> None:  # Any: socketserver's
        """Turns away what is over the limit instead of queueing without end."""
        if not self.slots.acquire(blocking=False):
            self.model.counters.answered("busy")
            request.settimeout(1)
            try:
                request.sendall(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
            except OSError:
                pass
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Gives the slot back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke is the client's affair."""


class Handler(BaseHTTPRequestHandler):
    """The routes."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "edgekit/" + __version__
    sys_version = ""
    timeout = CONNECTION_TIMEOUT_S
    disable_nagle_algorithm = True
    """Else the end of an answer waits 40 ms for a delayed acknowledgement."""

    def do_GET(self) -> None:
        """Health, metadata, metrics."""
        model = self.server.model
        name = "/v2/models/" + model.app
        if self.path in ("/v2/health/live", "/v2/health/ready", name + "/ready"):
            about = {"live": True, "ready": True, "release": model.version}
            self._send(200, dict(about, last_error=model.counters.last_error))
        elif self.path == "/v2":
            self._send(200, {"name": "edgekit", "version": __version__, "extensions": []})
        elif self.path == name:
            about = inference_protocol.metadata(
                model.app, model.version, model.engine, model.session
            )
            self._send(200, about)
        elif self.path == "/metrics":
            self._send_text(200, model.metrics().encode(), "text/plain; version=0.0.4")
        else:
            self._send(404, {"error": "nothing is served at %s" % self.path[:200]})

    def do_POST(self) -> None:
        """Inference."""
        code, document = self._infer()
        outcome = {200: "ok", 500: "failed"}.get(code, "refused")
        self.server.model.counters.answered(outcome)
        self._send(code, document)

    def _infer(self) -> Tuple[int, Dict[str, Any]]:  # Any: JSON
        model = self.server.model
        body = self._body()
        if body is None:
            return 413, {"error": "a request needs Content-Length, at most %d" % MAX_BODY_BYTES}
        if self.path != "/v2/models/%s/infer" % model.app:
            return 404, {"error": "the model is called %s" % model.app}
        try:
            document = json.loads(body)
            inputs = inference_protocol.parse_inputs(document, model.session.inputs)
        except (ValueError, RecursionError) as error:
            return 400, {"error": "not JSON: %s" % str(error)[:200]}
        except BadInference as error:
            return 400, {"error": str(error)}
        try:
            outputs = model.run(inputs)
        except Exception as error:  # noqa: BLE001  boundary: engines may raise anything
            text = ("%s: %s" % (type(error).__name__, error))[:500]
            model.counters.last_error = text
            return 500, {"error": text}
        tensors = model.session.outputs
        found = inference_protocol.answer(document, model.app, model.version, tensors, outputs)
        return 200, found

    def _body(self) -> bytes | None:
        try:
            length = int(self.headers.get("Content-Length", ""))
        except ValueError:
            length = -1
        if not 0 <= length <= MAX_BODY_BYTES:
            self.close_connection = True
            return None
        return self.rfile.read(length)

    def _send(self, code: int, document: Dict[str, Any]) -> None:  # Any: JSON
        self._send_text(code, json.dumps(document).encode(), "application/json")

    def _send_text(self, code: int, data: bytes, kind: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
        """Requests are counted, not written to a log that fills a card."""


def notify(text: str) -> None:
    """Tells systemd, when it asked to be told. Source: sd_notify(3)."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        try:
            channel.connect(address)
            channel.sendall(text.encode())
        except OSError:
            pass


def _watch(model: ServedModel, stop: threading.Event) -> None:
    """Says that all is well, as long as no inference hangs; else systemd starts it anew."""
    try:
        limit_s = int(os.environ["WATCHDOG_USEC"]) / 1e6
    except (KeyError, ValueError):
        limit_s = DEFAULT_WATCHDOG_S
    while not stop.wait(limit_s / 3):
        if model.stuck_s() < limit_s:
            notify("WATCHDOG=1")
