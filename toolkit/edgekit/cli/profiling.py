"""``edgekit run --profile-ops``: one board, one profile, its tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.cli.output import Output, aligned

if TYPE_CHECKING:
    from edgekit.cli.chain import RunSettings
    from edgekit.core.operations import OperationProfile

MOST_ROWS = 15


def profile_artifact(
    folder: Path,
    board: str,
    app: str,
    settings: RunSettings,
    *,
    inventory: Path | None,
    output: Output,
    engine: str = "",
) -> OperationProfile:
    """Deploys the artifact when it is not active yet, and profiles it."""
    from edgekit.boards.session import ensure_runner
    from edgekit.cli.chain import open_targets, options_for
    from edgekit.cli.live import LiveLine
    from edgekit.measure.operation_profile import profile_on_board

    with open_targets(folder, board, app, settings, inventory=inventory, output=output) as targets:
        _, target = targets.get(engine)
        output.note(f"profiling {target.artifact.name} on {target.entry.name}")
        live = LiveLine(quiet=output.quiet)
        try:
            return profile_on_board(
                ensure_runner(targets.opened.transport),
                target,
                options_for(settings, target),
                on_event=live.take,
            )
        finally:
            live.close()


def write_trace(profile: OperationProfile, path: Path) -> None:
    """Writes the Chrome trace."""
    from edgekit.core.record import write_atomically
    from edgekit.measure.operation_profile import chrome_trace

    write_atomically(path, json.dumps(chrome_trace(profile), indent=1) + "\n")


def profile_text(profile: OperationProfile) -> str:
    """Types and the longest operations, with what the profiler did to them."""
    from edgekit.core.units import format_ms

    types = [
        (name, str(count), format_ms(spent_ms), f"{share:.1%}")
        for name, count, spent_ms, share in profile.by_type()
    ]
    outside = profile.outside_ms / profile.unprofiled_ms if profile.unprofiled_ms else 0.0
    types.append(("(in no operation)", "", format_ms(profile.outside_ms), f"{outside:.1%}"))
    longest = sorted(profile.operations, key=lambda o: -o.time_ms)[:MOST_ROWS]
    operations = [
        (o.name[:60], o.type, o.where, format_ms(o.time_ms), f"{o.share:.1%}") for o in longest
    ]
    head = (
        f"{profile.model['name']} on {profile.board}: {format_ms(profile.unprofiled_ms)} per "
        f"inference without the profiler [{profile.mode.value}]"
    )
    method = (
        f"* {profile.engine} {profile.engine_version}, {profile.threads} threads: {profile.method}"
    )
    inflated = f"* the profiled inference took {profile.inflation:.2f} x; times are scaled back"
    return "\n".join(
        (
            head,
            "",
            aligned(("type", "count", "time", "share"), types),
            "",
            aligned(("operation", "type", "where", "time", "share"), operations),
            method,
            inflated,
        )
    )
