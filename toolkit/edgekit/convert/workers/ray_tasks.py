"""Runs conversions as Ray tasks; called in the tool environment that has Ray.

request  {"address": TEXT, "python": PATH, "jobs": [{"fields": REQUEST, "files": {FIELD: [PATH]},
          "out": FOLDER}]}
reply    {"rows": [ROW or {"error": TEXT}], "nodes": N, "tools": {"ray": VERSION}}

A task takes its files along as one archive, so that machines need not share a disk; what they need
is edgekit itself, in the interpreter ``python`` or in the one that runs Ray there.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgekit.convert.workers.versions import versions
from edgekit.core.errors import ConfigError

CONNECT_TIMEOUT_S = 10


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the module's docstring."""
    import ray

    address = request["address"]
    _require_reachable(address)
    try:
        # a local Ray of our own is made by leaving the address out
        ray.init(
            address=None if address == "local" else address,
            include_dashboard=False,
            log_to_driver=False,
        )
    except (ConnectionError, ValueError, RuntimeError) as err:
        raise _silent(address, str(err)) from err
    try:
        task = ray.remote(num_cpus=1, max_retries=1)(run_task)
        kept: dict[str, Any] = {}
        waiting = []
        for job in request["jobs"]:
            files = {}
            for field, paths in job["files"].items():
                key = "\n".join(paths)
                if key not in kept:
                    kept[key] = ray.put(packed({Path(path).name: path for path in paths}))
                files[field] = kept[key]
            names = {field: Path(paths[0]).name for field, paths in job["files"].items()}
            waiting.append(
                task.remote(job["fields"], names, request["python"], list(files), *files.values())
            )
        rows = [
            _finish(ray, task, job["out"])
            for task, job in zip(waiting, request["jobs"], strict=True)
        ]
        nodes = sum(1 for node in ray.nodes() if node["Alive"])
        return {"rows": rows, "nodes": nodes, "tools": versions("ray")}
    finally:
        ray.shutdown()


def _silent(address: str, reason: str) -> ConfigError:
    lines = reason.strip().splitlines()
    return ConfigError(
        f"no Ray cluster answers at {address!r}: {lines[0][:200] if lines else 'no reason given'}",
        hint="ray start --head; --ray local makes one here for the time of the command",
    )


def _require_reachable(address: str) -> None:
    """Ray itself asks a silent address for many minutes.

    Raises:
        ConfigError: nothing listens there.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_TIMEOUT_S).close()
    except OSError as err:
        raise _silent(address, err.strerror or str(err)) from err


# Any: the library, an object reference, JSON
def _finish(ray: Any, reference: Any, out: str) -> dict[str, Any]:
    try:
        row, archive = ray.get(reference)
    except ray.exceptions.RayError as err:
        text = str(err).strip().splitlines()
        return {
            "error": f"the Ray task was lost: {text[-1][:300] if text else type(err).__name__}"
        }
    if archive:
        unpack(archive, out)
        row["artifact"] = out
    return dict(row)


# Any: JSON
def run_task(
    fields: dict[str, Any],
    names: dict[str, str],
    python: str,
    order: list[str],
    *archives: bytes,
) -> tuple[dict[str, Any], bytes]:
    """On a node: unpacks the files, converts, packs the artifact."""
    with tempfile.TemporaryDirectory(prefix="edgekit-ray-") as folder:
        here = Path(folder)
        for field, archive in zip(order, archives, strict=True):
            unpack(archive, str(here / field))
            path = str(here / field / names[field])
            # a metric is FILE.py:FUNCTION
            function = f":{fields[field].rpartition(':')[2]}" if field == "metric" else ""
            fields[field] = path + function
        (here / "request.json").write_text(json.dumps(fields), encoding="utf-8")
        if not os.path.exists(python):
            python = sys.executable
        command = [python, "-m", "edgekit.convert.remote"]
        command += [str(here / "request.json"), str(here / "out"), str(here / "row.json")]
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        done = subprocess.run(
            command, env=inherited, cwd=folder, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines()
            return {
                "error": f"on node {os.uname().nodename}: {lines[-1] if lines else 'failed'}"
            }, b""
        row = json.loads((here / "row.json").read_text(encoding="utf-8"))
        return row, packed({".": str(here / "out")}) if (here / "out").exists() else b""


def packed(paths: Mapping[str, str]) -> bytes:
    """Files and folders as an archive, each under its name there."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, path in paths.items():
            archive.add(path, arcname=name)
    return stream.getvalue()


def unpack(data: bytes, folder: str) -> None:
    """What :func:`packed` made; nothing leaves the folder, which appears whole or not at all."""
    target = Path(folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as temporary:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            archive.extractall(temporary, filter="data")
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(temporary, f"{temporary}.whole")
        os.replace(f"{temporary}.whole", target)
