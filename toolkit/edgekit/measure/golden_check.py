"""Outputs on the board against the original model's, and the thresholds that they have to keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgekit.boards.session import RunnerSession
from edgekit.core.errors import GateFailed, RunnerFailed
from edgekit.core.measurement import OutputAgreement, RunOptions
from edgekit.core.record import from_plain
from edgekit.measure.board_run import EMULATED_FACTOR, RunTarget

CHECK_TIMEOUT_S = 600
ORIGINAL = "original"


@dataclass(frozen=True)
class Thresholds:
    """What every output has to keep; None does not ask."""

    max_abs: float | None = None
    min_cosine: float | None = None
    min_snr_db: float | None = None
    min_top1: float | None = None

    @property
    def is_asked(self) -> bool:
        """True when any is set."""
        return self != Thresholds()

    def misses(self, output: OutputAgreement) -> list[str]:
        """The thresholds that an output misses, in words with both values."""
        found = []
        if self.max_abs is not None and output.max_abs > self.max_abs:
            found.append(f"differs by up to {output.max_abs:.3g}, allowed is {self.max_abs:g}")
        if self.min_cosine is not None and output.cosine < self.min_cosine:
            found.append(f"has cosine {output.cosine:.4f}, wanted is {self.min_cosine:g}")
        if self.min_snr_db is not None and output.snr_db < self.min_snr_db:
            found.append(f"has SNR {output.snr_db:.1f} dB, wanted is {self.min_snr_db:g} dB")
        top1 = output.top1
        if self.min_top1 is not None and top1 is not None and top1 < self.min_top1:
            found.append(f"agrees in {top1:.0%} of top-1, wanted is {self.min_top1:.0%}")
        return [f"{output.name} {text}" for text in found]


def check_on_board(
    session: RunnerSession, target: RunTarget, options: RunOptions
) -> tuple[OutputAgreement, ...]:
    """Every output on the board against the original's, or the host's where that is all there is.

    Raises:
        VerificationFailed: the artifact gives something else on this board than on the host.
        RunnerFailed: the artifact has no golden samples.
    """
    request = {
        "release_path": target.deployment.release_path,
        "site": list(target.site),
        "engine": options.engine,
        "threads": options.threads,
        "engine_options": dict(options.engine_options),
    }
    limit_s = CHECK_TIMEOUT_S * (EMULATED_FACTOR if target.entry.emulated else 1)
    found: dict[str, tuple[OutputAgreement, ...]] = {}
    for event in session.call("check", request, timeout_s=limit_s):
        if event["event"] == "agreement":
            against = str(event["against"])
            found[against] = tuple(
                from_plain(OutputAgreement, {**output, "against": against})
                for output in event["outputs"]
            )
    if not found:
        raise RunnerFailed(
            "the artifact has no golden samples to check",
            hint="convert it again with data: edgekit convert MODEL --calibration samples.npz",
        )
    return found.get(ORIGINAL) or next(iter(found.values()))


def require_agreement(outputs: Sequence[OutputAgreement], thresholds: Thresholds) -> None:
    """Holds every output to the thresholds.

    Raises:
        GateFailed: one is missed.
    """
    misses = [text for output in outputs for text in thresholds.misses(output)]
    if misses:
        raise GateFailed(
            f"outputs on the board miss what was asked: {'; '.join(misses)}",
            hint="a gentler recipe: edgekit convert MODEL --recipe int8-weights, or --recipe fp16",
            details={"misses": misses},
        )


def agreement_rows(outputs: Sequence[OutputAgreement]) -> list[tuple[str, ...]]:
    """Cells per output: name, against, largest difference, cosine, SNR, top-1."""
    return [
        (
            o.name,
            o.against,
            f"{o.max_abs:.3g}",
            f"{o.cosine:.5f}",
            f"{o.snr_db:.1f} dB",
            "-" if o.top1 is None else f"{o.top1:.0%}",
        )
        for o in outputs
    ]
