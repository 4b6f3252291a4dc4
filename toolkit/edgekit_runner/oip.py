"""Requests to an Open Inference Protocol v2 endpoint over HTTP(S), every phase timed.

The standard library only, so that a board asks the cloud with its own processor and radio. Tensors
travel as raw bytes (the protocol's binary data extension) or as JSON.

Source: https://github.com/kserve/open-inference-protocol, HTTP/REST and binary data extension.
"""

from __future__ import annotations

import array
import http.client
import json
import socket
import ssl
import time
from typing import Any, Dict, List, NamedTuple, Optional, Tuple
from urllib.parse import quote

clock = time.perf_counter_ns

JSON_SIZE = "Inference-Header-Content-Length"
LARGEST_ANSWER_BYTES = 256 << 20
CODES = {
    "FP32": "f",
    "FP64": "d",
    "INT8": "b",
    "UINT8": "B",
    "INT16": "h",
    "UINT16": "H",
    "INT32": "i",
    "UINT32": "I",
    "INT64": "q",
    "UINT64": "Q",
    "BOOL": "B",
}
"""The protocol's datatypes to those of the module ``array``."""

UNREACHABLE = "unreachable"
TIMEOUT = "timeout"
REFUSED = "refused"
OVERLOADED = "overloaded"
BROKEN = "broken"
UNTRUSTED = "untrusted"
"""Why a request failed: nobody there, too late, an error answer, 429, no answer of the protocol, no
TLS or a certificate that is not trusted."""


class RequestFailed(Exception):
    """A request without a good answer."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class Endpoint(NamedTuple):
    """Where to ask."""

    host: str
    port: int
    is_tls: bool = False
    token: str = ""
    ca_file: str = ""
    """Certificates to trust in place of the system's."""
    server_name: str = ""
    """Name in the certificate, when the connection goes through another address."""
    form: str = "binary"
    """binary or json."""


class Tensor(NamedTuple):
    """An input or output with its raw bytes, little-endian."""

    name: str
    datatype: str
    shape: Tuple[int, ...]
    data: bytes


class Message(NamedTuple):
    """A request that is ready to be sent."""

    path: str
    headers: Dict[str, str]
    body: bytes


class Reply(NamedTuple):
    """An answer that is not decoded yet, with the time of its phases."""

    headers: Dict[str, str]
    body: bytes
    phases_ns: Dict[str, int]
    """send, wait (until the first byte of the answer), receive."""


class Connection:
    """One reused connection.

    Raises:
        RequestFailed: nobody answers there, or the certificate is not trusted.
    """

    def __init__(self, endpoint: Endpoint, timeout_s: float) -> None:
        self.endpoint = endpoint
        self.timeout_s = timeout_s
        self.once_ns = {}  # type: Dict[str, int]
        self.http = http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=timeout_s)
        self.http.sock = self._connect()

    def close(self) -> None:
        """Ends the connection."""
        self.http.close()

    def encode(self, model: str, inputs: List[Tensor], request_id: str = "") -> Message:
        """The message of one request."""
        is_binary = self.endpoint.form == "binary"
        entries = []  # type: List[Dict[str, Any]]
        for tensor in inputs:
            entry = {
                "name": tensor.name,
                "datatype": tensor.datatype,
                "shape": list(tensor.shape),
            }  # type: Dict[str, Any]
            if is_binary:
                entry["parameters"] = {"binary_data_size": len(tensor.data)}
            else:
                entry["data"] = values_of(tensor)
            entries.append(entry)
        parameters = {"binary_data_output": is_binary}
        document = {"inputs": entries, "parameters": parameters}  # type: Dict[str, Any]
        if request_id:
            document["id"] = request_id
        text = json.dumps(document, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json"}
        if self.endpoint.token:
            headers["Authorization"] = "Bearer " + self.endpoint.token
        body = text
        if is_binary:
            headers = dict(headers, **{JSON_SIZE: str(len(text))})
            headers["Content-Type"] = "application/octet-stream"
            body = b"".join([text] + [tensor.data for tensor in inputs])
        return Message("/v2/models/%s/infer" % quote(model, safe=""), headers, body)

    def send(self, message: Message) -> Reply:
        """Sends a message and reads the answer; the connection is made anew when it is gone.

        Raises:
            RequestFailed: there is no good answer within the time limit.
        """
        if self.http.sock is None:
            self.http.sock = self._connect()
        deadline = time.monotonic() + self.timeout_s
        try:
            started = clock()
            self.http.sock.settimeout(self.timeout_s)
            self.http.request("POST", message.path, message.body, message.headers)
            sent = clock()
            answer = self.http.getresponse()
            first = clock()
            body = self._read(answer, deadline)
            ended = clock()
        except socket.timeout as error:
            self.http.close()
            text = "no answer within %g s" % self.timeout_s
            raise RequestFailed(TIMEOUT, text) from error
        except (OSError, http.client.HTTPException) as error:
            self.http.close()
            text = "the connection broke: %s" % (error or type(error).__name__)
            raise RequestFailed(BROKEN, text) from error
        headers = {name.lower(): value for name, value in answer.getheaders()}
        if answer.status != 200:
            reason = OVERLOADED if answer.status in (429, 503) else REFUSED
            raise RequestFailed(reason, "HTTP %d: %s" % (answer.status, _said(body)))
        phases = {"send": sent - started, "wait": first - sent, "receive": ended - first}
        return Reply(headers, body, phases)

    def get(self, path: str) -> Any:  # Any: JSON
        """What the endpoint answers to a question that is not timed; None when it does not."""
        headers = {}
        if self.endpoint.token:
            headers["Authorization"] = "Bearer " + self.endpoint.token
        try:
            if self.http.sock is None:
                self.http.sock = self._connect()
            self.http.sock.settimeout(self.timeout_s)
            self.http.request("GET", path, headers=headers)
            answer = self.http.getresponse()
            body = self._read(answer, time.monotonic() + self.timeout_s)
            return json.loads(body) if answer.status == 200 else None
        except (OSError, ValueError, http.client.HTTPException, RequestFailed):
            self.http.close()
            return None

    def describe(self, model: str) -> Any:  # Any: JSON
        """The model's metadata; None when the endpoint has none."""
        return self.get("/v2/models/%s" % quote(model, safe=""))

    def models(self) -> Any:  # Any: JSON
        """The endpoint's models; None when it does not list them."""
        return self.get("/v2/models")

    def _connect(self) -> socket.socket:
        connected, once_ns = reach(self.endpoint, self.timeout_s)
        for name, spent in once_ns.items():
            self.once_ns.setdefault(name, spent)
        return connected

    def _read(self, answer: http.client.HTTPResponse, deadline: float) -> bytes:
        parts, size = [], 0
        length = answer.length or 0
        if length > LARGEST_ANSWER_BYTES:
            raise http.client.HTTPException(
                "the answer has %d bytes, at most %d are taken" % (length, LARGEST_ANSWER_BYTES)
            )
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise socket.timeout
            if self.http.sock is not None:
                self.http.sock.settimeout(left)
            part = answer.read1(1 << 20) if answer.chunked else answer.read(1 << 20)
            if not part:
                break
            parts.append(part)
            size += len(part)
            if size > LARGEST_ANSWER_BYTES:
                raise http.client.HTTPException(
                    "the answer is over %d bytes" % LARGEST_ANSWER_BYTES
                )
        if answer.length:  # the other side closed before all of it was there
            raise http.client.IncompleteRead(b"", answer.length)
        return b"".join(parts)


def reach(
    endpoint: Endpoint, timeout_s: float, protocols: Tuple[str, ...] = ()
) -> Tuple[socket.socket, Dict[str, int]]:
    """A connection, over TLS where the endpoint speaks it, and what its parts took.

    Args:
        endpoint: where.
        timeout_s: longest time of each part.
        protocols: for TLS to choose from (ALPN); h2 for gRPC.

    Raises:
        RequestFailed: nobody answers there, or the certificate is not trusted.
    """
    where = "%s:%d" % (endpoint.host, endpoint.port)
    once_ns = {}  # type: Dict[str, int]
    plain = None
    try:
        started = clock()
        family, kind, protocol, _, address = socket.getaddrinfo(
            endpoint.host, endpoint.port, type=socket.SOCK_STREAM
        )[0]
        once_ns["resolve"] = clock() - started
        started = clock()
        plain = socket.socket(family, kind, protocol)
        plain.settimeout(timeout_s)
        plain.connect(address)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        once_ns["connect"] = clock() - started
        if not endpoint.is_tls:
            return plain, once_ns
        started = clock()
        context = ssl.create_default_context(cafile=endpoint.ca_file or None)
        if protocols:
            context.set_alpn_protocols(list(protocols))
        name = endpoint.server_name or endpoint.host
        secure = context.wrap_socket(plain, server_hostname=name)
        once_ns["tls"] = clock() - started
        return secure, once_ns
    except (ssl.SSLError, ssl.CertificateError) as error:
        _drop(plain)
        said = getattr(error, "verify_message", "") or getattr(error, "reason", "") or error
        text = "%s: the TLS connection failed: %s" % (where, said)
        raise RequestFailed(UNTRUSTED, text) from error
    except OSError as error:
        _drop(plain)
        text = "no endpoint answers at %s: %s" % (where, error.strerror or error)
        raise RequestFailed(UNREACHABLE, text) from error


def _drop(connection: Optional[socket.socket]) -> None:
    if connection is not None:
        connection.close()


def decode(reply: Reply) -> Tuple[List[Tensor], Dict[str, Any]]:  # Any: JSON
    """Outputs and the parameters that the server told beside them.

    Raises:
        RequestFailed: it is no answer of the protocol.
    """
    try:
        size = int(reply.headers.get(JSON_SIZE.lower(), len(reply.body)))
        document = json.loads(reply.body[:size])
        at, outputs = size, []
        for entry in document["outputs"]:
            shape = tuple(int(n) for n in entry["shape"])
            if "data" in entry:
                data = bytes_of(entry["datatype"], entry["data"])
            else:
                count = int(entry["parameters"]["binary_data_size"])
                data = reply.body[at : at + count]
                if len(data) != count:
                    raise ValueError("an output is cut off")
                at += count
            outputs.append(Tensor(str(entry["name"]), str(entry["datatype"]), shape, data))
        parameters = document.get("parameters") or {}
        if not isinstance(parameters, dict):
            raise TypeError("parameters are no object")
        return outputs, parameters
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        text = "the answer is none of the protocol: %s" % error
        raise RequestFailed(BROKEN, text) from error


def values_of(tensor: Tensor) -> List[Any]:  # Any: numbers
    """The elements as JSON takes them."""
    code = CODES.get(tensor.datatype)
    if code is None:
        raise RequestFailed(REFUSED, "%s cannot travel as JSON" % tensor.datatype)
    values = array.array(code)
    values.frombytes(tensor.data)
    if tensor.datatype == "BOOL":
        return [bool(value) for value in values]
    return values.tolist()


def bytes_of(datatype: str, values: List[Any]) -> bytes:  # Any: numbers, maybe nested
    """The raw bytes of elements that came as JSON."""
    flat = list(_flat(values))
    return array.array(CODES[datatype], flat).tobytes()


def text_element(data: bytes) -> bytes:
    """One element of a BYTES tensor: its length before it."""
    return len(data).to_bytes(4, "little") + data


def _flat(values: Any) -> Any:  # Any: nested lists of numbers
    for value in values:
        if isinstance(value, list):
            yield from _flat(value)
        else:
            yield value


def _said(body: bytes) -> str:
    """What an error answer says, one line."""
    try:
        document = json.loads(body)
        text = document.get("error") or document.get("detail") or document
    except (ValueError, AttributeError):
        text = body[:300].decode("utf-8", "replace")
    return " ".join(str(text).split())[:300]


def parse_url(text: str) -> Optional[Tuple[str, str, int]]:
    """Scheme, host and port of ``scheme://host:port``; None when it is none."""
    scheme, separator, rest = text.partition("://")
    host, colon, port = rest.rstrip("/").rpartition(":")
    if not separator or not colon or not host or not port.isdigit() or not 0 < int(port) < 65536:
        return None
    return scheme, host.strip("[]"), int(port)
