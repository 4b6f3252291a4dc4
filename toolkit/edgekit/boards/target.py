"""What a release has to fit: architecture, C library and Python of a board, known or assumed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from edgekit.core.board import BoardFacts
from edgekit.core.profile import DeviceProfile, Userland

ENGINE_ARCHES = ("aarch64", "x86_64", "armv7l")
OPENVINO_ARM_GLIBC = (2, 31)
"""Source: OpenVINO 2025.2.0 is manylinux_2_31 on ARM, later ones manylinux_2_35; pip takes the newest
that fits (package index, 2026-11)."""
OLDEST_PYTHON = (3, 9)


@dataclass(frozen=True)
class Target:
    """What wheels are picked by."""

    arch: str
    """Of the userland."""
    libc: str
    """glibc-2.36, musl, or empty when it is not known."""
    python: str
    """Version, at least major and minor."""
    kernel_arch: str = ""

    @property
    def python_abi(self) -> str:
        """Wheel tag of the interpreter.

        Example:
            >>> Target("aarch64", "glibc-2.36", "3.11.2").python_abi
            'cp311'
        """
        return "cp{}{}".format(*self.python_version)

    @property
    def python_version(self) -> tuple[int, int]:
        """Major and minor."""
        return _version(self.python)

    @property
    def glibc(self) -> tuple[int, int] | None:
        """Major and minor; None for another C library."""
        return _version(self.libc) if self.libc.startswith("glibc-") else None


def target_of_board(facts: BoardFacts) -> Target:
    """What a probed board is."""
    return Target(facts.arch, facts.libc, facts.python, facts.kernel_arch)


def targets_of_profile(profile: DeviceProfile) -> tuple[Target, ...]:
    """What boards of a profile run in the field, most common first."""

    def target(userland: Userland) -> Target:
        return Target(userland.arch, userland.libc, userland.python, profile.arch)

    return tuple(dict.fromkeys(target(userland) for userland in profile.userlands))


def why_impossible(
    engine: str, target: Target, requirements: Mapping[str, tuple[str, ...]]
) -> str:
    """Why no wheel of the engine can exist for this target; empty when one may."""
    if engine not in requirements:
        return f"{engine} is not installed from wheels by edgekit yet"
    if not requirements[engine]:
        return ""
    if target.arch not in ENGINE_ARCHES:
        return f"nothing is published for {target.arch}"
    glibc = target.glibc
    if glibc is None:
        return f"its C library is {target.libc or 'unknown'}; wheels need glibc"
    if target.arch == "armv7l" and engine != "tflite_runtime":
        is_mixed = target.kernel_arch == "aarch64"
        system = "its userland is 32-bit on a 64-bit kernel" if is_mixed else "32-bit ARM"
        return f"{system}: there are wheels of tflite_runtime only"
    if engine == "openvino" and target.arch == "aarch64" and glibc < OPENVINO_ARM_GLIBC:
        return f"OpenVINO needs glibc 2.31 on ARM, the board has {glibc[0]}.{glibc[1]}"
    if engine == "tflite_runtime" and target.python_version >= (3, 12):
        return "tflite_runtime ends with Python 3.11; use litert"
    if target.python_version < OLDEST_PYTHON:
        return f"Python {target.python} is older than every wheel of today"
    return ""


def _version(text: str) -> tuple[int, int]:
    numbers = re.findall(r"\d+", text)
    return int(numbers[0]), int(numbers[1])
