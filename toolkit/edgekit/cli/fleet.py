"""``edgekit deploy --fleet``: plan, run, show, and what to do about the boards that failed."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.cli.fleet_options import FleetOptions
from edgekit.cli.fleet_rows import LineRows, LiveRows, describe
from edgekit.cli.output import Output, can_redraw, table
from edgekit.core.errors import ConfigError, GateFailed
from edgekit.core.fleet import BoardState, FleetReport, RolloutPolicy
from edgekit.core.units import format_bytes

if TYPE_CHECKING:
    from edgekit.boards.deploy import DeployRequest
    from edgekit.boards.fleet_plan import RolloutPlan
    from edgekit.core.board import BoardEntry

SHOWN_BOARDS = 20
"""Of each kind in the summary; all are in the record and with --json."""


def deploy_fleet(
    request: DeployRequest, options: FleetOptions, records: Path, output: Output
) -> None:
    """Rolls out and reports.

    Raises:
        GateFailed: the rollout stopped before every board had its turn.
    """
    from edgekit.boards.artifact_folder import app_name
    from edgekit.boards.bundle_file import card_of
    from edgekit.boards.fleet import Rollout
    from edgekit.boards.fleet_journal import FleetJournal
    from edgekit.boards.fleet_plan import make_rollout
    from edgekit.boards.fleet_work import content_of, deployment_work
    from edgekit.core.record import save, write_atomically

    app = request.app or app_name(card_of(request.folder).name)
    plan = make_rollout(selected_boards(options), policy_of(options), content=content_of(request))
    if request.dry_run:
        output.data(_plan_document(plan), describe_plan(plan))
        return
    total = len(plan.boards)
    output.note(f"{app}: {total} boards in {len(plan.waves)} waves, plan {plan.id}")
    live = can_redraw(sys.stderr) and not output.quiet
    rows = LiveRows(total) if live else LineRows(output, total)
    with FleetJournal(records, plan) as journal:
        work = deployment_work(request, app)
        try:
            rollout = Rollout(plan, work, journal, app=app, on_row=rows.take)
            report = rollout.run(restart=options.restart)
        except KeyboardInterrupt:
            output.note(f"interrupted; the same command goes on ({journal.path})")
            raise
        finally:
            rows.close()
    path = save(report, records / f"fleet-{plan.id}.json")
    output.data(report, describe_report(report))
    output.note(f"record: {path}")
    retry = records / f"fleet-{plan.id}.retry"
    if report.failed:
        write_atomically(retry, "".join(f"{name}\n" for name in report.failed))
        again = f"edgekit deploy {request.folder} --fleet {options.file} --limit @{retry}"
        output.next_step(again)
    else:
        retry.unlink(missing_ok=True)
    if report.stopped:
        raise GateFailed(
            f"the rollout stopped: {report.stopped}; {report.count(BoardState.SKIPPED)} boards "
            "were not touched",
            hint=f"edgekit deploy {request.folder} --fleet {options.file} --limit @{retry}",
        )


def selected_boards(options: FleetOptions) -> tuple[BoardEntry, ...]:
    """The boards that take part."""
    from edgekit.boards.fleet_plan import Selection, select
    from edgekit.boards.inventory import list_boards

    names = _limited(options.limit)
    found = select(list_boards(options.file), Selection(options.tags, options.groups, names))
    timeout_s = options.connect_timeout
    return tuple(
        board if board.connect_timeout_s else replace(board, connect_timeout_s=timeout_s)
        for board in found
    )


def policy_of(options: FleetOptions) -> RolloutPolicy:
    """What was typed as a policy."""
    from edgekit.boards.fleet_plan import parse_amount

    return RolloutPolicy(
        canary=parse_amount(options.canary),
        wave=parse_amount(options.wave),
        max_fail=parse_amount(options.max_fail),
        threads=options.threads,
        soak_s=options.soak,
    )


def describe_plan(plan: RolloutPlan) -> str:
    """The waves."""
    lines = [f"{len(plan.boards)} boards, {plan.policy.threads} at a time"]
    for number, wave in enumerate(plan.waves):
        names = [board.name for board in wave]
        more = f" and {len(names) - SHOWN_BOARDS} more" if len(names) > SHOWN_BOARDS else ""
        kind = "canary" if number == 0 and plan.policy.canary.of(len(plan.boards)) else "wave"
        lines.append(f"  {kind} {number}: {', '.join(names[:SHOWN_BOARDS])}{more}")
    lines.append(f"  stops when more than {plan.policy.max_fail} fail")
    return "\n".join(lines)


def describe_report(report: FleetReport) -> str:
    """A table of states, then the boards that need a person."""
    rows = []
    for state in BoardState:
        found = [row for row in report.rows if row.state is state]
        if found:
            sent = format_bytes(sum(row.sent_bytes for row in found))
            slowest = max(row.took_s for row in found)
            rows.append((str(state), str(len(found)), sent, f"{slowest:.1f} s"))
    lines = [table(("state", "boards", "sent", "slowest"), rows)]
    bad = [row for row in report.rows if row.state is BoardState.FAILED]
    lines += [describe(row) for row in bad[:SHOWN_BOARDS]]
    if len(bad) > SHOWN_BOARDS:
        lines.append(f"... and {len(bad) - SHOWN_BOARDS} more failed (all with --json)")
    resumed = f", {report.resumed} of them before an interruption" if report.resumed else ""
    lines.append(f"{len(report.rows)} boards in {report.took_s:.1f} s{resumed}")
    return "\n".join(lines)


def _limited(text: str) -> tuple[str, ...]:
    if not text.startswith("@"):
        return tuple(name for name in text.split(",") if name)
    path = Path(text[1:])
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigError(f"{path} cannot be read: {err}") from err
    names = tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))
    if not names:
        raise ConfigError(f"{path} names no board")
    return names


def _plan_document(plan: RolloutPlan) -> dict[str, object]:
    waves = [[board.name for board in wave] for wave in plan.waves]
    return {"plan": plan.id, "waves": waves, "policy": plan.policy}
