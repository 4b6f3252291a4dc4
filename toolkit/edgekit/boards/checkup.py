"""Is a board fit to deploy to and to measure on? Pure: what a probe told, judged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from edgekit.boards.probing import Probed
from edgekit.core.board import BoardFacts
from edgekit.core.checkup import Check, State, check
from edgekit.core.record import Unavailable

OLDEST_PYTHON = (3, 8)
"""What the runner is written for."""
CLOCK_SLACK_S = 60.0
"""TLS and signatures' counters do not mind less; certificates are dated to the day."""
LEAST_DISK_MB, SCARCE_DISK_MB = 100, 500
"""An engine's wheels take 15 to 150 MB, and an update needs the old and the new release."""
LEAST_RAM_MB = 128
"""An interpreter with numpy and an engine takes about 90 MB."""
HOT_C = 70.0
"""Boards of the profiles slow down from 80 C on; a run warms them by about 10."""
STEADY_GOVERNORS = ("performance",)
THROTTLED_NOW, THROTTLED_BEFORE = 0xF, 0xF0000
"""Source: Raspberry Pi documentation, vcgencmd get_throttled."""


def board_checks(probed: Probed, *, round_trip_s: float, clock_skew_s: float) -> Iterator[Check]:
    """Every check, in the order in which a deployment would stumble.

    Args:
        probed: what the board said.
        round_trip_s: how long it took to ask it.
        clock_skew_s: its clock minus ours, less the way.
    """
    facts = probed.facts
    yield Check("reachable", State.OK, f"asked and answered in {round_trip_s:.1f} s")
    yield _python(facts)
    yield check(
        "Python modules",
        is_good=not probed.ground.missing_modules,
        seen=", ".join(probed.ground.missing_modules) or "all that the runner imports",
        cure="apt install python3-minimal python3-distutils, or the distribution's full Python",
        otherwise=State.FAIL,
    )
    yield _fits(probed)
    yield _engine(probed)
    yield from _room(facts)
    yield check(
        "home can run programs",
        is_good=not probed.ground.is_noexec,
        seen="mounted noexec" if probed.ground.is_noexec else "yes",
        cure="remount the home without noexec",
        otherwise=State.FAIL,
    )
    yield check(
        "home can be written",
        is_good=probed.ground.is_writable,
        seen="yes" if probed.ground.is_writable else "no",
        cure="mount the home for writing, or make ~/.edgekit writable for this user",
        otherwise=State.FAIL,
    )
    yield check(
        "signed releases only",
        is_good=bool(probed.ground.keys),
        seen=f"{len(probed.ground.keys)} keys are enrolled" if probed.ground.keys else "no",
        cure=f"edgekit keys enrol {probed.entry.name}",
        otherwise=State.WARN,
    )
    yield check(
        "clock",
        is_good=abs(clock_skew_s) < CLOCK_SLACK_S,
        seen=f"{clock_skew_s:+.0f} s against this machine",
        cure="timedatectl set-ntp true on the board",
        otherwise=State.WARN,
    )
    yield from _steadiness(facts)


def clock_skew_s(facts: BoardFacts, asked: datetime, answered: datetime) -> float:
    """The board's clock minus ours, from the probe's time stamp between question and answer."""
    there = datetime.fromisoformat(facts.probed_utc.replace("Z", "+00:00"))
    if there < asked:
        return (there - asked).total_seconds()
    return max((there - answered).total_seconds(), 0.0)


def _python(facts: BoardFacts) -> Check:
    found = tuple(int(part) for part in re.findall(r"\d+", facts.python)[:2])
    wanted = ".".join(map(str, OLDEST_PYTHON))
    return check(
        "Python",
        is_good=found >= OLDEST_PYTHON,
        seen=f"{facts.python} ({facts.python_abi}), {facts.libc or 'C library not known'}",
        cure=f"the runner needs Python {wanted}: update the board's system",
        otherwise=State.FAIL,
    )


def _fits(probed: Probed) -> Check:
    if not probed.wanted:
        best = next((name for name, _ in probed.fits), "")
        return Check("profile", State.WARN, "none is set", f"--profile {best}" if best else "")
    if not probed.problems:
        return Check("profile", State.OK, probed.wanted)
    return Check(
        "profile",
        State.FAIL,
        f"not a {probed.wanted}: {'; '.join(probed.problems)}",
        f"edgekit boards probe {probed.entry.name}",
    )


def _engine(probed: Probed) -> Check:
    possible = [name for name, why in probed.engines.items() if not why]
    reasons = "; ".join(f"{name}: {why}" for name, why in probed.engines.items() if why)
    return check(
        "engines",
        is_good=bool(possible),
        seen=", ".join(possible) or reasons,
        cure="a 64-bit system with glibc has wheels for every engine",
        otherwise=State.FAIL,
    )


def _room(facts: BoardFacts) -> Iterator[Check]:
    disk, ram = facts.disk_free_mb, facts.ram_available_mb
    if isinstance(disk, int):
        state = State.FAIL if disk < LEAST_DISK_MB else State.WARN
        yield check(
            "free disk",
            is_good=disk >= SCARCE_DISK_MB,
            seen=f"{disk} MB",
            cure="edgekit gc BOARD takes old releases away",
            otherwise=state,
        )
    if isinstance(ram, int):
        yield check(
            "free memory",
            is_good=ram >= LEAST_RAM_MB,
            seen=f"{ram} MB",
            cure="end other programs; choose a smaller recipe",
            otherwise=State.WARN,
        )


def _steadiness(facts: BoardFacts) -> Iterator[Check]:
    """What makes figures worse or uneven."""
    if isinstance(facts.governor, Unavailable):
        yield Check("governor", State.OK, f"not known: {facts.governor.reason}")
    else:
        yield check(
            "governor",
            is_good=facts.governor in STEADY_GOVERNORS,
            seen=facts.governor,
            cure="for steady figures: echo performance | sudo tee "
            "/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor",
            otherwise=State.WARN,
        )
    if not isinstance(facts.temperature_c, Unavailable):
        yield check(
            "temperature",
            is_good=facts.temperature_c < HOT_C,
            seen=f"{facts.temperature_c:.0f} C",
            cure="cool it: a run will be slowed down by heat",
            otherwise=State.WARN,
        )
    if not isinstance(facts.throttled, Unavailable):
        bits = int(facts.throttled, 16)
        yield check(
            "throttling",
            is_good=not bits & (THROTTLED_NOW | THROTTLED_BEFORE),
            seen=facts.throttled if bits else "never since it started",
            cure="bit 0 or 16: a better power supply; the others: cooling",
            otherwise=State.FAIL if bits & THROTTLED_NOW else State.WARN,
        )
