"""Measures what an explanation needs: the run, times per operation, the peaks, experiments."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.cli.chain import RunSettings, Targets, options_for
from edgekit.cli.output import Output

if TYPE_CHECKING:
    from edgekit.boards.session import RunnerSession
    from edgekit.core.lag import Calibration, Experiment, LagReport
    from edgekit.core.measurement import Measurement, RunOptions
    from edgekit.core.network import CloudTrip, NetworkProfile
    from edgekit.core.operations import OperationProfile
    from edgekit.explain.evidence import Records
    from edgekit.measure.board_run import RunTarget
    from edgekit.measure.trials import Trial

PREFIX_PROFILE_S = 60.0
"""LiteRT's times per operation come from many loads of prefixes; a smaller budget leaves them out."""
EXPERIMENTS_SHARE = 0.85
"""Of what is left of the budget; the rest is for the report and for being late."""
APPLYING_SHARE = 0.4
"""The same where remedies are to be carried out afterwards."""


@dataclass(frozen=True)
class Question:
    """What is to be explained, and with how much time."""

    run: RunSettings
    budget_s: float
    engine: str = ""
    cloud: str = ""
    """Endpoint to be asked beside the board; empty asks none."""
    original: Path | None = None
    """Artifact whose inputs are sent there; None sends this one's."""
    networks: tuple[NetworkProfile, ...] = ()
    payload: str = ""
    recalibrate: bool = False
    has_experiments: bool = True
    is_applied: bool = False
    """True when remedies are carried out afterwards, within the same budget."""
    has_profile: bool = True


@dataclass
class Investigation:
    """A board with an artifact on it, and what was found out so far."""

    targets: Targets
    question: Question
    records_folder: Path | None = None
    measured: Measurement | None = None
    known: Records | None = None
    failed: tuple[tuple[str, str], ...] = ()
    started: float = field(default_factory=time.perf_counter)

    @property
    def output(self) -> Output:
        """Where words go."""
        return self.targets.output

    @property
    def left_s(self) -> float:
        """What remains of the budget."""
        return self.question.budget_s - (time.perf_counter() - self.started)

    @property
    def session(self) -> RunnerSession:
        """The runner on the board."""
        from edgekit.boards.session import ensure_runner

        return ensure_runner(self.targets.opened.transport)

    def target(self, engine: str = "") -> RunTarget:
        """The release for an engine, deployed when it is first asked for."""
        return self.targets.get(engine or self.question.engine)[1]

    def run(self, options: RunOptions) -> Measurement:
        """Measures with some options; another engine is deployed first."""
        from edgekit.measure.board_run import run_on_board

        target = self.target(options.engine)
        return run_on_board(self.session, target, options)

    def measure(self, options: RunOptions | None = None) -> Measurement:
        """The run that is explained."""
        from edgekit.cli.live import LiveLine
        from edgekit.core.record import save
        from edgekit.measure.board_run import run_on_board

        target = self.target(options.engine if options else "")
        options = options or options_for(self.question.run, target)
        live = LiveLine(quiet=self.output.quiet)
        try:
            measured = run_on_board(self.session, target, options, on_event=live.take)
        finally:
            live.close()
        if self.records_folder:
            save(measured, self.records_folder / f"{measured.id}.json")
        self.measured = measured
        return measured

    def look(self) -> LagReport:
        """Measures everything that the budget pays for, and explains it."""
        from edgekit.explain.evidence import Records
        from edgekit.profiles.device import load_profile

        measured = self.measured or self.measure()
        target = self.target(measured.engine)
        trips, far = self._trips()
        self.known = Records(
            trips=trips,
            experiments=far,
            artifact=target.artifact,
            profile=load_profile(target.artifact.profile),
            facts=target.facts,
            operations=self._operations(target, measured),
            calibration=self._calibration(target, measured),
            folder=str(self.targets.folder),
        )
        self.experiment()
        return self.explain()

    def know_again(self) -> None:
        """Reads the card and the peaks again, after the artifact, engine or threads changed."""
        assert self.known
        assert self.measured
        target = self.target(self.measured.engine)
        self.known = replace(
            self.known,
            artifact=target.artifact,
            folder=str(self.targets.folder),
            calibration=self._calibration(target, self.measured),
            operations=None,
        )

    def explain(self) -> LagReport:
        """The explanation of what is known now."""
        from edgekit.explain.explaining import explain

        assert self.measured
        report = explain(self.measured, self.known)
        return replace(report, unavailable=(*report.unavailable, *self.failed))

    def experiment(self, wanted: Callable[[Trial], bool] = lambda trial: True) -> None:
        """Makes the experiments that the rest of the budget pays for."""
        from edgekit.measure.experimenting import experiment
        from edgekit.measure.trials import plan_trials

        assert self.measured
        assert self.known
        if not self.question.has_experiments:
            return
        assert self.known.artifact
        assert self.known.facts
        assert self.known.profile
        trials = [
            trial
            for trial in plan_trials(
                self.measured, self.known.artifact, self.known.facts, self.known.profile
            )
            if wanted(trial)
        ]
        part = APPLYING_SHARE if self.question.is_applied else EXPERIMENTS_SHARE
        budget_s = self.left_s * part
        self.output.note(f"experiments on {self.targets.opened.entry.name}")
        outcome = experiment(
            self.run,
            self.measured.options,
            trials,
            budget_s=budget_s,
            progress=self.output.note,
        )
        asked = tuple(e for e in self.known.experiments if e.id == "rtt-added")
        self.known = replace(self.known, experiments=(*outcome.experiments, *asked))
        self.failed = tuple((f"experiment {name}", reason) for name, reason in outcome.failed)
        if outcome.left_out:
            self.output.note(
                f"the budget left out: {', '.join(outcome.left_out)} (more: --budget 5min)"
            )

    def _operations(self, target: RunTarget, measured: Measurement) -> OperationProfile | None:
        from edgekit.core.errors import RunnerFailed
        from edgekit.measure.operation_profile import profile_on_board

        is_slow = measured.engine in ("litert", "tflite_runtime")
        if not self.question.has_profile or (is_slow and self.left_s < PREFIX_PROFILE_S):
            return None
        self.output.note("timing operations")
        try:
            return profile_on_board(self.session, target, measured.options)
        except RunnerFailed as err:
            self.output.note(f"  left out: {err.message}")
            return None

    def _calibration(self, target: RunTarget, measured: Measurement) -> Calibration | None:
        from edgekit.core.errors import EdgekitError
        from edgekit.measure.calibrating import calibrate_board

        try:
            return calibrate_board(
                self.session,
                target,
                measured.options.threads,
                fresh=self.question.recalibrate,
                progress=self.output.note,
            )
        except EdgekitError as err:
            self.output.note(f"the board was not calibrated: {err.message}")
            return None

    def _trips(self) -> tuple[tuple[CloudTrip, ...], tuple[Experiment, ...]]:
        """Requests to the endpoint, and how many round trips one takes."""
        from edgekit.boards.deploy import load_card
        from edgekit.core.record import Unavailable, save
        from edgekit.measure.rtt_trial import try_added_rtt
        from edgekit.measure.trips import TripRequest, measure_trips

        question = self.question
        if not question.cloud:
            return (), ()
        sent = question.original or self.targets.folder
        request = TripRequest(
            endpoint=question.cloud,
            folder=sent,
            artifact=load_card(sent),
            networks=question.networks,
            payload=question.payload,
        )
        trips = measure_trips(request, progress=self.output.note)
        if self.records_folder:
            for trip in trips:
                save(trip, self.records_folder / f"{trip.id}.json")
        if not question.has_experiments:
            return trips, ()
        far = try_added_rtt(request, progress=self.output.note)
        return trips, () if isinstance(far, Unavailable) else (far,)
