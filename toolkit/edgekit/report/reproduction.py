"""How to have the same figures again: commands, versions, hashes."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from edgekit import __version__
from edgekit.core.artifact import ModelArtifact, Replay
from edgekit.core.measurement import Measurement
from edgekit.core.network import CloudTrip
from edgekit.report.input import ReportInput
from edgekit.report.section import Section

HASH_SHOWN = 16


def reproduction_section(report: ReportInput) -> Iterator[Section]:
    """One section; none where no record tells of a command."""
    rows = tuple(_rows(report))
    if rows:
        yield Section("How to reproduce it", ("", ""), rows)


def _rows(report: ReportInput) -> Iterator[tuple[str, str]]:
    if report.artifact is not None:
        yield from _conversion(report.artifact)
    if report.deployment is not None:
        d = report.deployment
        signed = f", signed by {d.signed_by}" if d.signed_by else ", unsigned"
        yield "deploy", f"edgekit deploy ARTIFACT --board {shlex.quote(d.board)}"
        yield "release", f"{d.app} {d.release}{signed}"
    if report.measurement is not None:
        yield from _run(report.measurement)
    for trip in report.trips:
        yield from _trip(trip)
    if report.facts is not None:
        f = report.facts
        yield (
            "board",
            f"{f.cpu_model}, {f.os_name}, kernel {f.kernel}, {f.libc}, Python {f.python}",
        )
    if report.artifact or report.measurement or report.trips:
        yield "report", f"edgekit {__version__}"


def _conversion(card: ModelArtifact) -> Iterator[tuple[str, str]]:
    if isinstance(card.replay, Replay):
        yield "convert", card.replay.command
        yield "the same bytes again", "edgekit convert --replay ARTIFACT/card.json"
        for name, found in card.replay.inputs.items():
            yield f"sha256 of {name}", found[:HASH_SHOWN]
    main = next((entry for entry in card.files if entry.path == card.model), None)
    if main is not None:
        yield f"sha256 of {card.model}", main.sha256[:HASH_SHOWN]
    tools = {name: version for step in card.steps for name, version in step.tools.items()}
    if tools:
        yield "tools", ", ".join(f"{name} {version}" for name, version in sorted(tools.items()))


def _run(m: Measurement) -> Iterator[tuple[str, str]]:
    options = m.options
    parts = ["edgekit", "run", "ARTIFACT", "--board", m.board, "--threads", str(options.threads)]
    if options.policy:
        parts += ["--policy", options.policy]
    else:
        parts += ["--runs", str(options.runs), "--warmup-runs", str(options.warmup_runs)]
        if options.min_duration_s:
            parts += ["--seconds", f"{options.min_duration_s:g}"]
    for flag, value, default in (
        ("--batch", str(options.batch), "1"),
        ("--concurrency", str(options.concurrency), "1"),
        ("--rate", f"{options.rate_hz:g}/s", "0/s"),
        ("--variant", options.variant, "copied"),
    ):
        if value != default:
            parts += [flag, value]
    for name, value in options.engine_options.items():
        parts += ["--engine-option", f"{name}={value}"]
    yield "run", shlex.join(parts)
    yield "measured", f"{m.id}, {m.measured_utc}, on {m.machine} [{m.mode.value}]"
    yield "engine", f"{m.engine} {m.engine_version}, runner {m.runner_version}"
    if m.model.get("sha256"):
        yield "sha256 of what ran", m.model["sha256"][:HASH_SHOWN]


def _trip(trip: CloudTrip) -> Iterator[tuple[str, str]]:
    parts = ["edgekit", "compare", "RECORD", "ORIGINAL", "--cloud", trip.endpoint]
    if trip.network is not None:
        parts += ["--network", trip.network.id]
    if trip.model.get("payload"):
        parts += ["--payload", trip.model["payload"]]
    yield (
        "compare",
        f"{shlex.join(parts)}   ({trip.id}, {trip.measured_utc}, from the {trip.origin})",
    )
