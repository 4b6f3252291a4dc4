"""The language between host and board: one request, then JSON lines.

``python3 -I runner.pyz COMMAND`` reads one JSON request from stdin and writes one JSON object per
line to stdout, each with ``event``; the last one is ``done`` or ``error``. Logs go to stderr.

Commands, their request, and the events they write before ``done``:

``probe``    {"home": PATH?, "sysfs": PATH?, "site": [PATH]?}
             -> ``facts`` {...the fields of edgekit.core.board.BoardFacts, beside "event"}
``survey``   {"app": NAME, "home": PATH?, "sysfs": PATH?, "site": [PATH]?}
             -> ``facts`` as above, ``ground`` {disk, inodes, noexec, modules, enrolled keys, lease},
             ``active`` {the application's active release: manifest, confirmed, intact...}
``have``     {"sha256": [HEX]}
             -> ``have`` {"sha256": [HEX present and intact in the store]},
             ``staged`` {"sha256", "size", "blocks": [HEX per PREFIX_BLOCK_BYTES]} for partial ones
``begin``    {"holder": ID, "who": TEXT, "lease_s": N?, "sha256": [HEX], "extra": [HEX]?}
             takes the lease, settles what an earlier deployment left, cleans staging
             -> ``recovered`` {"app", "what"}..., ``have`` and ``staged`` as above, ``lease`` {...}
``renew``    {"holder", "who", "lease_s"?} -> ``lease``
``trim``     {"holder", "sha256", "size"} cuts a staged blob -> ``trimmed``
``end``      {"holder", "discard": BOOL} gives the lease back -> ``ended``
``install``  {"holder"?, "manifest": TEXT, "signature": TEXT?, "differences":
             [{"base", "target", "difference", "size_bytes"}]?}
             verifies signature, counter and the blobs staged as ``staging/<sha256>``, moves them to
             the store, unpacks wheels, builds the release; does not switch.
             -> ``installed`` {"release": ID, "path": PATH, "site": PATH or ""}
``check``    {"release_path": PATH, "site": [PATH], "engine": NAME, "threads": N,
             "engine_options": {NAME: VALUE}?}
             -> ``agreement`` {"against": "host" (the artifact there) or "original", "outputs":
             [{"name", "samples", "max_abs", "cosine", "snr_db", "top1"|null}]}...,
             ``golden`` {"samples": N, "max_deviation": X, "tolerance": X, "passed": BOOL};
             0 samples when the artifact has none
``switch``   {"holder"?, "app": NAME, "release": ID} verifies every byte, then renames one link
             -> ``switched`` {"app", "release", "previous"}
``commit``   {"holder"?, "app", "release"} -> ``committed`` {"app", "release"}
``rollback`` {"holder"?, "app", "release"?} -> ``rolled_back`` {"app", "release", "previous"}
``releases`` {"app"?} -> ``release`` {"app", "release", "is_current", "is_previous", ...}...
``gc``       {"holder"?, "dry_run": BOOL} -> ``collected`` {"removed": [TEXT], "freed_bytes"}
``serve``    {"app", "port"?, "threads"?} answers over HTTP until SIGTERM
             -> ``serving`` {"port", "release", "engine"}, at the end ``stopped`` {"requests"}
``service``  {"action": "install"|"restart"|"remove"|"status"|"logs", "app", "port"?, "threads"?, "lines"?}
             -> ``service`` {"app", "unit", "state", ...}, ``log`` {"line"}...
``enrol``    {"keys": [PUBLIC KEY], "profile"?, "replace": BOOL} -> ``enrolled`` {"keys", "profile"}
``run``      {"release_path", "site", "engine", "threads", "runs", "warmup_runs",
             "min_duration_s", "max_duration_s", "variant", "input", "sysfs"?,
             "engine_options": {NAME: VALUE}?, "batch"?, "concurrency"?, "rate_hz"?, "cores"?
             (processors to keep to; empty: all),
             "deadline_s"?, "width_p50"?, "width_p95"? (half intervals as shares: the run may
             end before its time when they are reached)}
             -> ``started`` {}, ``progress`` {"phase", "count", "elapsed_ns", "p50_ns"|null,
             "temperature_c"|null} (twice a second), ``engine`` {"name", "version", "details",
             "placement": {WHERE: OPERATIONS}, "fallback": TEXT}, ``once`` {"phase", "ns"}...,
             ``outputs`` {"checked", "bad"} (invocations whose outputs hold NaN or infinity),
             ``condition`` {...Condition}..., ``rows`` {"stream", "columns": [NAME], "data":
             base64 of little-endian int64, row by row}..., ``summary`` {"ended", "wall_ns",
             "wait_ns"|null, "peak_memory_bytes"|null, "timer_overhead_ns", "sampler": {...},
             "energy": {...}|null}
             When nobody reads any more, or after "deadline_s", the runner ends by itself.
``profile``  {"release_path", "site", "engine", "threads", "runs", "input", "engine_options"?,
             "batch"?, "sysfs"?, "deadline_s"?}
             -> ``started``, ``progress``..., ``profile`` {"engine", "version", "method",
             "unprofiled_ns", "profiled_ns" (one inference without and with the profiler),
             "operations": [[NAME, TYPE, WHERE, NS of one inference]...]}
``calibrate`` {"site", "engine", "threads", "format", "models": {PRECISION: BASE64}, "seconds"?,
             "engine_options"?, "sysfs"?, "deadline_s"?}
             -> ``started``, ``progress``..., ``calibration`` {"engine", "version", "fastest_ns":
             {PRECISION: NS of one run}, "bandwidth": {BYTES: bytes per second}}
``ask``      {"endpoint": {...edgekit_runner.oip.Endpoint}, "model_name", "form"?, "requests": [[{"name",
             "datatype", "shape", "data": BASE64}]], "runs", "warmup_runs", "max_duration_s",
             "timeout_s"}
             -> ``once`` {"phase", "ns"}..., ``progress`` {"count"}..., ``failure`` {"at", "ns",
             "reason", "text"}..., ``samples`` {"phase", "ns": [INT]} (chunks), ``starts``,
             ``up_bytes``, ``down_bytes`` {"ns": [INT]} (chunks)
``ping``     {} -> ``pong`` {"runner": VERSION}

``done`` carries {"wire": WIRE_VERSION}; ``error`` {"code": CODE, "message": TEXT, "hint": TEXT}.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Dict

WIRE_VERSION = 1

HOME_FOLDER = ".edgekit"
"""Folder in the board user's home that holds everything."""
STORE_FOLDER = "store/sha256"
RELEASES_FOLDER = "releases"
APPS_FOLDER = "apps"
STAGING_FOLDER = "staging"
SITES_FOLDER = "sites"
"""Unpacked wheel sets, named by the hash of their sorted wheel hashes."""
STATES_FOLDER = "states"
"""One file per application: confirmed, previous, highest counter."""
TRUST_FOLDER = "trust"
SIGNERS_FILE = "allowed_signers"
IDENTITY_FILE = "board.json"
LEASE_FILE = "lease.json"
COMPLETE_MARK = "COMPLETE"
"""File that is written last into a release or site folder; one without it does not count."""
MANIFEST_FILE = "manifest.json"
"""The bundle inside a release folder, byte for byte what was signed."""
SIGNATURE_FILE = "manifest.json.sig"
NAMESPACE = "edgekit-release"
"""Namespace of the SSH signature: one made for another purpose does not count."""
SIGNER = "edgekit"
"""Principal in the board's allowed_signers."""
PREFIX_BLOCK_BYTES = 4 << 20
"""A cut transfer goes on behind the last block of this size that arrived right."""

CARD_FILE = "card.json"
RUNNER_FILE = "runner.pyz"
PIPELINE_FILE = "pipeline.py"
"""The user's own steps before and after the inference."""
GOLDEN_FOLDER = "golden"

ERROR_BAD_REQUEST = "bad-request"
ERROR_MISMATCH = "mismatch"
"""The release is for another kind of board."""
ERROR_SIGNATURE = "signature"
ERROR_REPLAY = "replay"
"""A release with a higher counter was accepted before."""
ERROR_NO_SYSTEMD = "no-systemd"
ERROR_UNHEALTHY = "unhealthy"
"""The service does not answer."""
ERROR_STORAGE = "bad-storage"
"""The board's disk reports errors."""
ERROR_BUSY = "busy"
"""Another installer is at work on the board."""
ERROR_NO_SPACE = "no-space"
ERROR_HASH_MISMATCH = "hash-mismatch"
ERROR_MISSING_BLOB = "missing-blob"
ERROR_ENGINE_MISSING = "engine-missing"
ERROR_ENGINE_FAILED = "engine-failed"
ERROR_GOLDEN_FAILED = "golden-failed"
ERROR_OUT_OF_MEMORY = "out-of-memory"
ERROR_BAD_INPUT = "bad-input"
"""Recorded inputs do not fit the model."""
ERROR_PIPELINE_FAILED = "pipeline-failed"
"""The user's pipeline.py raised."""
ERROR_IO = "io"
ERROR_NO_RELEASE = "no-release"
ERROR_INTERRUPTED = "interrupted"
"""SIGTERM, SIGHUP or Ctrl-C on the board."""
ERROR_ENDPOINT = "endpoint"
"""The cloud endpoint did not answer the board."""
ERROR_INTERNAL = "internal"
"""Codes of the ``error`` event."""

SERVE_PORT = 8390
"""Loopback port of ``serve`` when none is asked for."""

ENVELOPE_KEYS = ("kind", "schema", "tool")
"""Keys of a stored record that say who wrote it and how, not what it is."""


def release_id(manifest: Dict[str, Any]) -> str:  # Any: JSON
    """The id of a release on both sides: the start of the hash of its canonical bundle.

    Example:
        >>> release_id({"app": "cats", "tool": "edgekit 1"}) == release_id({"app": "cats"})
        True
    """
    content = {key: value for key, value in manifest.items() if key not in ENVELOPE_KEYS}
    return hashlib.sha256(canonical(content).encode()).hexdigest()[:16]


def content_id(manifest: Dict[str, Any]) -> str:  # Any: JSON
    """The same for the release's content: a later signature of it does not change this one.

    Example:
        >>> content_id({"app": "cats", "counter": 3}) == content_id({"app": "cats", "counter": 4})
        True
    """
    return release_id({key: value for key, value in manifest.items() if key != "counter"})


def canonical(document: Dict[str, Any]) -> str:  # Any: JSON
    """The one spelling of a manifest; this text is what is signed."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"))
