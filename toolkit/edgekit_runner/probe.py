"""Says what this board is: one event with the fields of ``edgekit.core.board.BoardFacts``."""

from __future__ import annotations

import os
import platform
import sys
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

from . import __version__, engines
from .sensors import Sensors

ARM_PARTS = {
    "0xd03": "cortex-a53",
    "0xd04": "cortex-a35",
    "0xd05": "cortex-a55",
    "0xd07": "cortex-a57",
    "0xd08": "cortex-a72",
    "0xd09": "cortex-a73",
    "0xd0a": "cortex-a75",
    "0xd0b": "cortex-a76",
    "0xd0c": "neoverse-n1",
    "0xd42": "cortex-a78ae",
    "0xd4d": "cortex-a715",
    "0xc07": "cortex-a7",
    "0xc08": "cortex-a8",
    "0xc09": "cortex-a9",
    "0xc0f": "cortex-a15",
}
"""CPU part numbers of implementer 0x41. Source: Arm technical reference manuals, MIDR_EL1."""
ARCHES = {"amd64": "x86_64", "arm64": "aarch64", "armv8l": "armv7l"}

Emit = Callable[..., None]


def ping(request: Dict[str, Any], emit: Emit) -> None:  # Any: JSON
    """Answers with the runner's version."""
    emit("pong", runner=__version__)


def probe(request: Dict[str, Any], emit: Emit) -> None:  # Any: JSON
    """Emits the facts of this board."""
    started = time.perf_counter()
    sensors = Sensors(request.get("sysfs", "/"))
    home = request.get("home") or os.path.expanduser("~")
    facts = collect(sensors, home, request.get("site", []))
    facts["elapsed_ms"] = round((time.perf_counter() - started) * 1e3, 3)
    emit("facts", facts=facts)


def collect(sensors: Sensors, home: str, site: List[str]) -> Dict[str, Any]:  # Any: JSON
    """All facts; what cannot be read is ``{"unavailable": reason}``."""
    cpu_model, features = processor(sensors.text("proc/cpuinfo") or "")
    memory = memory_mb(sensors.text("proc/meminfo") or "")
    no_file = "the kernel does not offer it"
    return {
        "hostname": platform.node(),
        "arch": userland_arch(),
        "kernel_arch": platform.machine(),
        "kernel": platform.release(),
        "os_name": os_name(sensors.text("etc/os-release") or ""),
        "libc": libc(),
        "python": platform.python_version(),
        "python_abi": python_abi(),
        "cpu_model": cpu_model or platform.processor() or "unknown",
        "cpu_features": features,
        "cpu_count": cpu_count(),
        "ram_mb": known(memory.get("MemTotal"), no_file),
        "ram_available_mb": known(memory.get("MemAvailable"), no_file),
        "disk_free_mb": known(disk_free_mb(home), "the home folder cannot be examined"),
        "board_model": known(sensors.board_model(), "no device tree and no DMI"),
        "governor": known(sensors.governor(), "no cpufreq"),
        "clock_mhz": known(sensors.clock_mhz(), "no cpufreq"),
        "max_clock_mhz": known(sensors.max_clock_mhz(), "no cpufreq"),
        "temperature_c": known(sensors.temperature_c(), "no thermal zone"),
        "throttled": known(sensors.firmware_throttled(), "no Raspberry Pi firmware"),
        "engines": engines.installed(site),
        "probed_utc": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def known(value: Any, reason: str) -> Any:  # Any: JSON
    """The value, or the reason why there is none."""
    return {"unavailable": reason} if value is None else value


def userland_arch() -> str:
    """Architecture that wheels must match: a 32-bit userland may run on a 64-bit kernel."""
    machine = ARCHES.get(platform.machine().lower(), platform.machine().lower())
    if sys.maxsize <= 2**32:
        return {"aarch64": "armv7l", "x86_64": "i686"}.get(machine, machine)
    return machine


def python_abi() -> str:
    """Wheel tag of this interpreter, such as ``cp311``."""
    return "cp%d%d" % sys.version_info[:2]


def libc() -> str:
    """``glibc-2.36``, ``musl``, or empty."""
    try:
        name = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (ValueError, OSError, AttributeError):
        name = ""
    if name.startswith("glibc"):
        return name.replace(" ", "-")
    return "musl" if os.path.exists("/lib/ld-musl-%s.so.1" % platform.machine()) else ""


def cpu_count() -> int:
    """Processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def processor(cpuinfo: str) -> Tuple[str, List[str]]:
    """Model and features of the processor from the text of /proc/cpuinfo."""
    fields = {}  # type: Dict[str, str]
    parts = []  # type: List[str]
    for line in cpuinfo.splitlines():
        key, _, value = (part.strip() for part in line.partition(":"))
        if key == "CPU part" and value.lower() not in parts:
            parts.append(value.lower())
        fields.setdefault(key, value)
    features = sorted((fields.get("Features") or fields.get("flags") or "").split())
    if parts:
        return "+".join(ARM_PARTS.get(part, "arm part " + part) for part in parts), features
    return fields.get("model name", ""), features


def memory_mb(meminfo: str) -> Dict[str, int]:
    """Fields of /proc/meminfo in megabytes (10^6 bytes)."""
    found = {}
    for line in meminfo.splitlines():
        key, _, value = line.partition(":")
        words = value.split()
        if words and words[0].isdigit():
            found[key] = int(words[0]) * 1024 // 1000000
    return found


def disk_free_mb(folder: str) -> Optional[int]:
    """Free space for this user in megabytes."""
    try:
        status = os.statvfs(folder)
    except OSError:
        return None
    return status.f_bavail * status.f_frsize // 1000000


def os_name(os_release: str) -> str:
    """PRETTY_NAME of /etc/os-release."""
    for line in os_release.splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip('"')
    return platform.system()
