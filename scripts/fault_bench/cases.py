"""One case: control and fault in turn, the explanation under the fault, its first remedy tried."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from edgekit.cli.chain import RunSettings, open_targets, options_for
from edgekit.cli.investigating import Investigation, Question
from edgekit.cli.output import Output
from edgekit.cli.remedying import carry_out, next_candidate
from edgekit.convert.converting import convert
from edgekit.convert.request import ConvertRequest
from edgekit.core.estimate import Estimate
from edgekit.core.lag import Finding, LagReport, Ledger, Severity
from edgekit.core.measurement import Measurement, RunOptions
from edgekit.core.record import Unavailable
from edgekit.explain.evidence import Records
from edgekit.explain.explaining import explain
from edgekit.measure.experimenting import brief
from edgekit.measure.trials import with_change
from edgekit.toolenvs.environment import cache_folder
from fault_bench.faults import Fault, Subject
from fault_bench.injecting import BEST_MHZ, fewer_cores, hogs, pipeline_of, slowed
from fault_bench.networks import make_network

PROFILE = "generic-x86-64"
ROUNDS = 2
BUDGET_S = 40.0
INVENTED = 0.05
"""A cause of at least this share that nobody injected is invented."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """What came of one case."""

    fault: str
    title: str
    subject: str
    engine: str
    control_ms: float
    added_ms: float
    """What the fault adds to the median, measured in turn with the control."""
    first: str
    """The rule that came first."""
    is_first: bool
    named_ms: float | None
    """What the expected rule says it costs; None where it did not fire or gave no share."""
    unexplained: float
    """Of the total, 0..1, whatever its sign."""
    remedy: str = ""
    """none, kept or failed."""
    peer: str = "-"
    is_scored: bool = True

    @property
    def is_felt(self) -> bool:
        """Whether the fault took any time here: a cause of under 5 % is none."""
        return not self.is_scored or self.added_ms >= INVENTED * (self.control_ms + self.added_ms)

    @property
    def is_near(self) -> bool | None:
        """Within 20 % or 1 ms of what was added; None where it is not scored."""
        if not self.is_scored:
            return None
        if self.named_ms is None:
            return False
        off_ms = abs(self.named_ms - self.added_ms)
        return off_ms <= max(0.2 * self.added_ms, 1.0)


def artifact_of(subject: Subject, side: int = 0) -> Path:
    """The subject's model as an artifact, made once."""
    wanted = side or subject.side
    folder = cache_folder() / "fault-bench"
    model = make_network(subject.kind, folder / f"{subject.kind}-{wanted}.onnx", wanted)
    artifact = folder / f"{subject.kind}-{wanted}"
    if not (artifact / "card.json").exists():
        request = ConvertRequest(model, PROFILE, "float", "onnxruntime", proof=False)
        convert(request, artifact)
    return artifact


@contextmanager
def investigating(
    subject: Subject, fault: Fault | None, say: Say, *, budget_s: float = BUDGET_S
) -> Iterator[Investigation]:
    """The subject on the local board, with the fault's input and pipeline in it."""
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if fault:
            stack.enter_context(fewer_cores(fault.cores))
        folder = artifact_of(subject, fault.side if fault else 0)
        run = RunSettings(
            runs=40,
            min_duration_s=0.8,
            max_duration_s=8.0,
            threads=subject.threads,
            pipeline=pipeline_of(fault, scratch),
        )
        output = Output(quiet=True)
        targets = stack.enter_context(
            open_targets(
                folder, "local", f"fault-{subject.name}", run, inventory=None, output=output
            )
        )
        question = Question(run, budget_s, engine=subject.engine)
        yield Investigation(targets, question)


def run_once(investigation: Investigation, fault: Fault | None) -> Measurement:
    """A short run, with the fault's settings and neighbours."""
    target = investigation.target()
    options = brief(options_for(investigation.question.run, target))
    if fault:
        options = with_change(options, fault.run)
    with hogs(fault.hogs if fault else 0):
        measured = investigation.run(options)
    return slowed(measured, fault) if fault and fault.clock_share else measured


def edge_case(subject: Subject, fault: Fault, say: Say) -> Outcome:
    """One fault on the board."""
    control: list[float] = []
    faulty: list[float] = []
    for number in range(ROUNDS):
        order = (None, fault) if number % 2 == 0 else (fault, None)
        for one in order:
            with investigating(subject, one, say) as investigation:
                runs = control if one is None else faulty
                runs.append(_total_ms(run_once(investigation, one)))
    control_ms, with_ms = statistics.median(control), statistics.median(faulty)
    with investigating(subject, fault, say) as investigation:
        report, remedy = _explained(investigation, fault)
    if fault.id == "copied":
        control_ms = with_ms - _copied_ms(subject, say)
    return outcome_of(
        fault.id,
        fault.title,
        subject,
        report,
        fault.rules,
        control_ms=control_ms,
        added_ms=with_ms - control_ms,
        remedy=remedy,
    )


def _copied_ms(subject: Subject, say: Say) -> float:
    """What the inference takes longer with copied inputs than with inputs in place."""
    with investigating(subject, None, say) as investigation:
        options = brief(options_for(investigation.question.run, investigation.target()))
        times: dict[str, list[float]] = {"copied": [], "native": []}
        for _ in range(ROUNDS + 1):
            for variant, found in times.items():
                measured = investigation.run(replace(options, variant=variant))
                found.append(statistics.median(measured.samples_ns["infer"]) / 1e6)
    return statistics.median(times["copied"]) - statistics.median(times["native"])


def _explained(investigation: Investigation, fault: Fault) -> tuple[LagReport, str]:
    """The explanation while the fault is there, and whether its first remedy helps."""
    with hogs(fault.hogs):
        options = with_change(_options(investigation), fault.run)
        investigation.measure(options)
        report = investigation.look()
        if fault.clock_share:
            return _slowed_report(investigation, fault), "none"
        return report, _tried(investigation, report, fault)


def _options(investigation: Investigation) -> RunOptions:
    return options_for(investigation.question.run, investigation.target())


def _slowed_report(investigation: Investigation, fault: Fault) -> LagReport:
    assert investigation.measured
    assert investigation.known
    assert investigation.known.facts
    facts = replace(
        investigation.known.facts,
        max_clock_mhz=BEST_MHZ,
        governor=fault.governor or "ondemand",
    )
    known: Records = replace(investigation.known, facts=facts)
    return explain(slowed(investigation.measured, fault), known)


def _tried(investigation: Investigation, report: LagReport, fault: Fault) -> str:
    finding = next((f for f in report.findings if f.rule in fault.rules), None)
    if finding is None:
        return "none"
    assert investigation.measured
    alone = replace(report, findings=(finding,))
    candidate = next_candidate(alone, investigation.measured.options, [])
    if candidate is None:
        return "none"
    return "kept" if carry_out(investigation, candidate).is_kept else "not faster"


def control_case(subject: Subject, say: Say) -> tuple[str, ...]:
    """Causes that are found where nothing was injected."""
    with investigating(subject, None, say) as investigation:
        report = investigation.look()
    return invented(report)


def invented(report: LagReport) -> tuple[str, ...]:
    """Findings that claim at least 5 % of the time as a cause."""
    return tuple(
        f"{finding.rule} {finding.share:.0%}"
        for finding in report.findings
        if finding.severity is not Severity.INFO
        and not isinstance(finding.share, Unavailable)
        and finding.share >= INVENTED
    )


def outcome_of(  # noqa: PLR0913  the fields of one outcome
    name: str,
    title: str,
    subject: Subject,
    report: LagReport,
    rules: tuple[str, ...],
    *,
    control_ms: float,
    added_ms: float,
    remedy: str = "none",
    prefix: str = "edge",
    is_scored: bool = True,
) -> Outcome:
    """The score of one report."""
    ledger = next(each for each in report.ledgers if each.subject.startswith(prefix))
    causes = [f for f in report.findings if f.subject.startswith(prefix)]
    first = causes[0].rule if causes else "nothing"
    finding = next((f for f in causes if f.rule in rules), None)
    return Outcome(
        name,
        title,
        subject.name,
        subject.engine,
        control_ms,
        added_ms,
        first,
        first in rules,
        _named_ms(finding, ledger),
        _unexplained(ledger),
        remedy,
        is_scored=is_scored,
    )


def _named_ms(finding: Finding | None, ledger: Ledger) -> float | None:
    if finding is None or isinstance(finding.share, Unavailable):
        return None
    return finding.share * ledger.total_ms


def _unexplained(ledger: Ledger) -> float:
    rest = sum(s.time_ms for s in ledger.shares if s.id == "unexplained")
    return abs(rest) / ledger.total_ms if ledger.total_ms > 0 else 0.0


def _total_ms(measured: Measurement) -> float:
    found = measured.summaries["total"].percentiles_ms["p50"]
    if isinstance(found, Estimate):
        return found.value
    return statistics.median(measured.samples_ns["total"]) / 1e6
