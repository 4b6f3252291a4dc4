"""Which versions of an engine the boards of a profile have, and what those versions can read."""

from __future__ import annotations

from edgekit.boards.wheelhouse import REQUIREMENTS
from edgekit.core.profile import DeviceProfile
from edgekit.toolenvs.pins import ENVIRONMENTS, RUNTIMES

NEWEST_FOR_PYTHON = {
    "onnxruntime": {"3.8": "1.19.2", "3.9": "1.19.2", "3.10": "1.23.2"},
    "litert": {"3.9": "2.1.0"},
    "openvino": {"3.8": "2024.4.0", "3.9": "2025.3.0"},
}
"""The last version with wheels for an older Python, on aarch64 and x86_64.

Source: the package index's listings of onnxruntime, ai-edge-litert and openvino, 2026-11."""
NEWEST_OPSET = {"1.19": 21, "1.20": 21, "1.21": 22, "1.22": 23, "1.23": 23}
"""Release of ONNX Runtime to the newest opset it reads; later releases read all that onnx writes.

Source: onnxruntime.ai/docs/reference/compatibility.html; 1.19 and 1.23 were measured."""
OLDEST_USEFUL_PYTHON = (3, 9)
"""No engine has wheels for older ones any more, so no board of ours runs on them."""


def runtime_versions(profile: DeviceProfile, engine: str) -> tuple[str, ...]:
    """Versions of the engine that the profile's userlands get, the profile's own first.

    Empty when boards do not get the engine from wheels (TensorRT), so that it cannot be had here.
    """
    listed = [choice.version for choice in profile.engines if choice.name == engine]
    if engine not in RUNTIMES or not listed:
        return ()
    requirement = REQUIREMENTS[engine][0]
    if "==" in requirement:  # whatever the profile says, deploy installs this one
        return (requirement.partition("==")[2],)
    found = listed[:1]
    newest = NEWEST_FOR_PYTHON.get(engine, {})
    for userland in profile.userlands:
        python = tuple(int(part) for part in userland.python.split(".")[:2])
        if python >= OLDEST_USEFUL_PYTHON and userland.python in newest:
            found.append(newest[userland.python])
    return tuple(dict.fromkeys(found))


def is_host_version(engine: str, version: str) -> bool:
    """True when the tool environment that checks every artifact has this very version."""
    return f"{RUNTIMES[engine][0]}=={version}" in ENVIRONMENTS["onnx"].requirements


def newest_opset(profile: DeviceProfile, engine: str) -> int | None:
    """The newest ONNX opset that all of the profile's boards read; None when there is no limit."""
    if engine != "onnxruntime":
        return None
    known = [
        NEWEST_OPSET[release]
        for release in (v.rpartition(".")[0] for v in runtime_versions(profile, engine))
        if release in NEWEST_OPSET
    ]
    return min(known, default=None)
