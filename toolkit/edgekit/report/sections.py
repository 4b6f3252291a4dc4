"""The report as sections of tables and notes, which every renderer writes in its own form."""

from __future__ import annotations

from collections.abc import Iterator

from edgekit.core.artifact import Accuracy, ModelArtifact
from edgekit.core.deploy import Deployment
from edgekit.core.lag import Finding, LagReport, Ledger, Remedy
from edgekit.core.measurement import Measurement
from edgekit.core.record import Unavailable
from edgekit.core.units import format_bytes, format_count, format_ms
from edgekit.report.comparing import comparison_sections
from edgekit.report.input import ReportInput
from edgekit.report.lag import lag_sections
from edgekit.report.loads import load_section
from edgekit.report.operations import types_section
from edgekit.report.run_facts import run_facts
from edgekit.report.run_sets import run_set_section
from edgekit.report.section import Section, show_estimate
from edgekit.report.selection import selection_section

PHASES = ("preprocess", "infer", "postprocess", "total")


def sections(report: ReportInput) -> tuple[Section, ...]:
    """Every section that the records allow, the answer first."""
    return tuple(_sections(report))


def headline(report: ReportInput) -> str:
    """The answer in one sentence."""
    comparison = report.comparison
    if comparison is not None:
        groups: dict[str, list[str]] = {}
        for item in comparison.networks:
            name = item.network.id if item.network else "the real network"
            groups.setdefault(item.verdict.value, []).append(name)
        words = {
            "edge": "the edge is faster over",
            "cloud": "the cloud is faster over",
            "undecided": "no difference that counts over",
        }
        said = [f"{words[verdict]} {', '.join(names)}" for verdict, names in groups.items()]
        return f"{comparison.model_name}: {'; '.join(said)}"
    if report.selection is not None:
        kept = report.selection.winner or "no candidate"
        return f"{report.selection.model_name} on {report.selection.board}: {kept} is kept"
    if report.measurement is not None:
        p50 = show_estimate(report.measurement.summaries["total"].percentiles_ms["p50"])
        return f"{report.measurement.model['name']} takes {p50} on {report.measurement.board}"
    return report.title


def _sections(report: ReportInput) -> Iterator[Section]:
    if report.gates:
        yield _gates(report)
    if report.comparison is not None:
        yield from comparison_sections(report.comparison)
    if report.lag is not None:
        yield from _lag(report.lag)
    if report.artifact is not None:
        yield artifact_section(report.artifact)
    if report.measurement is not None:
        yield _measurement(report.measurement)
    yield from _others(report)
    if report.deployment is not None:
        yield _deployment(report.deployment)


def _others(report: ReportInput) -> Iterator[Section]:
    """Records that a report has only when they were given to it."""
    if report.more_measurements:
        yield _runs(report)
    if report.run_set is not None:
        yield run_set_section(report.run_set)
    if report.selection is not None:
        yield selection_section(report.selection)
    if report.operations is not None:
        yield types_section(report.operations)
    if report.load is not None:
        yield load_section(report.load)


def _gates(report: ReportInput) -> Section:
    rows = tuple(
        ("kept" if gate.is_kept else "missed", gate.text, gate.seen) for gate in report.gates
    )
    return Section("Budgets", ("", "must not hold", "seen"), rows)


def _runs(report: ReportInput) -> Section:
    """Several runs side by side, as they were given."""
    first = () if report.measurement is None else (report.measurement,)
    rows = tuple(
        (
            m.id,
            m.board,
            f"{m.model['name']} {m.model['recipe']}",
            m.engine,
            str(m.options.threads),
            *(show_estimate(m.summaries["total"].percentiles_ms[key]) for key in ("p50", "p95")),
            m.stamp.value,
            m.measured_utc,
        )
        for m in (*first, *report.more_measurements)
    )
    headers = ("run", "board", "model", "engine", "threads", "p50", "p95", "stamp", "measured")
    return Section("Runs", headers, rows)


def _lag(lag: LagReport) -> Iterator[Section]:
    names: dict[str, str] = {}
    for ledger in lag.ledgers:
        names |= {share.id: share.title for share in ledger.shares}
    order = [name for name in names if name != "unexplained"] + ["unexplained"]
    rows = tuple(
        (names[name], *(_share(ledger, name) for ledger in lag.ledgers)) for name in order
    )
    total = ("sum = median", *(format_ms(ledger.total_ms) for ledger in lag.ledgers))
    headers = ("share", *(ledger.subject for ledger in lag.ledgers))
    yield Section("Where the time goes", headers, (*rows, total), (), "ledger")
    found = tuple(
        (
            f"{_percent(finding.share)}",
            finding.severity.value,
            finding.title,
            finding.evidence,
            _remedies(finding),
        )
        for finding in lag.findings
    )
    reasons: dict[str, list[str]] = {}
    for cause, reason in lag.unavailable:
        reasons.setdefault(reason, []).append(cause)
    notes = tuple(f"{', '.join(rules)}: could not tell, {why}" for why, rules in reasons.items())
    headers = ("share", "", "cause", "evidence", "remedy")
    yield Section("Causes", headers, found, notes)
    yield from lag_sections(lag)


def artifact_section(card: ModelArtifact) -> Section:
    """The model before and after."""
    before = card.float_size_bytes
    rows = [
        ("model", f"{card.name}, {card.source.format.value}"),
        ("artifact", f"{card.format.value} {card.recipe} for {card.profile}, {card.engine}"),
    ]
    if isinstance(before, Unavailable):
        rows.append(("size", format_bytes(card.size_bytes)))
    else:
        ratio = card.size_bytes / before
        rows.append(
            (
                "size before and after",
                f"{format_bytes(before)} -> {format_bytes(card.size_bytes)} ({ratio:.2f} x)",
            )
        )
    if isinstance(card.accuracy, Unavailable):
        rows.append(("accuracy", f"unavailable: {card.accuracy.reason}"))
    else:
        a = card.accuracy
        rows.append(
            (
                "accuracy before and after",
                f"{a.original:.2%} -> {a.artifact:.2%} ({a.metric}, {a.sample_count} samples of "
                f"{a.data}; drop {a.drop_points:.2f} points{_interval(a)})",
            )
        )
    if not isinstance(card.agreement, Unavailable):
        g = card.agreement
        top1 = "" if g.top1_agreement is None else f"top-1 {g.top1_agreement:.1%}, "
        rows.append(
            (
                "agreement with the original",
                f"{top1}largest deviation {g.max_deviation:.3g}, cosine >= {g.cosine:.4f}",
            )
        )
    if not isinstance(card.structure, Unavailable):
        s = card.structure
        rows.append(
            (
                "structure",
                f"{format_count(s.parameters)} parameters, {format_count(s.macs)} "
                f"multiply-accumulates, depth {s.depth}, width {s.max_width}",
            )
        )
    if card.calibration:
        rows.append(("calibrated by", card.calibration))
    return Section("The model", ("", ""), tuple(rows), card.warnings)


def _measurement(measurement: Measurement) -> Section:
    rows = tuple(
        (
            phase,
            *(show_estimate(s.percentiles_ms[key]) for key in ("p50", "p95", "p99")),
            format_ms(s.max_ms),
        )
        for phase, s in measurement.summaries.items()
        if phase in PHASES
    )
    total = measurement.summaries["total"]
    notes = [
        f"{measurement.engine} {measurement.engine_version}, {measurement.options.threads} threads, "
        f"{total.sample_count} invocations ({total.effective_sample_count:.0f} independent), "
        f"{measurement.measured_utc} [{measurement.mode.value}]",
        "once: "
        + ", ".join(f"{name} {format_ms(ns / 1e6)}" for name, ns in measurement.once_ns.items()),
        *run_facts(measurement),
        f"stamp: {measurement.stamp.value}",
        *(f"{note.level.value}: {note.message}" for note in measurement.validity),
    ]
    headers = ("phase", "p50", "p95", "p99", "max")
    return Section(f"On {measurement.board}", headers, rows, tuple(notes))


def _deployment(deployment: Deployment) -> Section:
    rows = tuple((name, format_ms(value)) for name, value in deployment.phases_ms.items())
    golden = deployment.golden_max_deviation
    state = f"{deployment.app} {deployment.release} is active, {format_bytes(deployment.sent_bytes)} sent"
    checked = () if golden is None else (f"golden outputs on the board within {golden:.3g}",)
    return Section("Deployment", ("step", "time"), rows, (state, *checked))


def _interval(accuracy: Accuracy) -> str:
    low, high = accuracy.drop_low_points, accuracy.drop_high_points
    return "" if low is None or high is None else f" [{low:.2f}, {high:.2f}]"


def _share(ledger: Ledger, name: str) -> str:
    for share in ledger.shares:
        if share.id == name:
            part = share.time_ms / ledger.total_ms if ledger.total_ms > 0 else 0.0
            shown = f"{part:.0%}".replace("-0%", "0%")
            return f"{format_ms(share.time_ms)} ({shown})"
    return ""


def _percent(share: float | Unavailable) -> str:
    return "-" if isinstance(share, Unavailable) else f"{share:.0%}"


def _remedies(finding: Finding) -> str:
    return "; ".join(_remedy(remedy) for remedy in finding.remedies)


def _remedy(remedy: Remedy) -> str:
    text = f"{remedy.action}: {remedy.command}" if remedy.command else remedy.action
    verified, predicted = remedy.verified_gain_ms, remedy.predicted_gain_ms
    if not isinstance(verified, Unavailable):
        return f"{text} (gained {show_estimate(verified)}, verified)"
    if not isinstance(predicted, Unavailable):
        sure = remedy.confidence.value
        return f"{text} (predicted gain {format_ms(predicted)}, confidence {sure})"
    return text
