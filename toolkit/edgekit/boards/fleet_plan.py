"""Plans a rollout: which boards, in which waves, and when it has to stop. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edgekit.core.board import BoardEntry
from edgekit.core.errors import ConfigError
from edgekit.core.fleet import Amount, BoardRow, BoardState, RolloutPolicy
from edgekit.core.record import to_plain
from edgekit.core.suggest import did_you_mean

AMOUNT = re.compile(r"(\d+(?:\.\d+)?)(%?)")


@dataclass(frozen=True)
class Selection:
    """Which boards of an inventory take part; every condition that is given must hold."""

    tags: tuple[str, ...] = ()
    """All of these."""
    groups: tuple[str, ...] = ()
    """Any of these."""
    names: tuple[str, ...] = ()
    """Any of these; empty: all."""


@dataclass(frozen=True)
class RolloutPlan:
    """Boards in waves, the canaries first."""

    id: str
    """The same for the same artifact, boards and policy, so that an interrupted run is found."""
    waves: tuple[tuple[BoardEntry, ...], ...]
    policy: RolloutPolicy

    @property
    def boards(self) -> tuple[BoardEntry, ...]:
        """All, in order."""
        return tuple(board for wave in self.waves for board in wave)


def parse_amount(text: str) -> Amount:
    """``5`` or ``10%``.

    Raises:
        ConfigError: it is neither.

    Example:
        >>> str(parse_amount("2.5%"))
        '2.5%'
    """
    match = AMOUNT.fullmatch(text.strip())
    if match is None or (not match[2] and "." in match[1]) or float(match[1]) > 1e6:
        raise ConfigError(f"{text!r} is no number of boards", hint="as in 5 or 10%")
    if match[2]:
        return Amount(percent=min(float(match[1]), 100.0))
    return Amount(int(match[1]))


def select(boards: Sequence[BoardEntry], selection: Selection) -> tuple[BoardEntry, ...]:
    """The boards that take part, in the inventory's order.

    Raises:
        ConfigError: a name, tag or group that no board has, or no board is left.
    """
    known = {
        "board": {board.name for board in boards},
        "tag": {tag for board in boards for tag in board.tags},
        "group": {group for board in boards for group in board.groups},
    }
    asked = {"board": selection.names, "tag": selection.tags, "group": selection.groups}
    for what, names in asked.items():
        for name in names:
            if name not in known[what]:
                raise ConfigError(
                    f"no {'board' if what == 'board' else f'board with the {what}'} {name!r}",
                    hint=did_you_mean(name, sorted(known[what])),
                )
    found = tuple(
        board
        for board in boards
        if set(selection.tags) <= set(board.tags)
        and (not selection.groups or set(selection.groups) & set(board.groups))
        and (not selection.names or board.name in selection.names)
    )
    if not found:
        raise ConfigError("no board is selected", hint="see them: edgekit boards list")
    return found


def make_rollout(
    boards: Sequence[BoardEntry], policy: RolloutPolicy, *, content: str
) -> RolloutPlan:
    """Boards in waves.

    Canaries are taken from each profile in turn, so that few of them see many kinds of boards.

    Args:
        boards: that take part.
        policy: how large the waves are.
        content: identifies what is rolled out.
    """
    canaries = _one_of_each(boards, policy.canary.of(len(boards)))
    names = {board.name for board in canaries}
    rest = [board for board in boards if board.name not in names]
    size = max(policy.wave.of(len(boards)), 1)
    waves = [canaries] if canaries else []
    waves += [tuple(rest[begin : begin + size]) for begin in range(0, len(rest), size)]
    asked = [content, [[board.name, board.host, board.port] for board in boards], to_plain(policy)]
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
    return RolloutPlan(digest[:16], tuple(waves), policy)


def why_stop(plan: RolloutPlan, rows: Iterable[BoardRow]) -> str:
    """Why no further board may be touched; empty when the rollout may go on."""
    failed = [row for row in rows if row.state is BoardState.FAILED]
    total = len(plan.boards)
    if plan.policy.canary.of(total):
        canaries = [row.board for row in failed if row.wave == 0]
        if canaries:
            return f"canary {canaries[0]} failed"
    allowed = plan.policy.max_fail.allowed(total)
    if len(failed) > allowed:
        return f"{len(failed)} of {total} boards failed, {allowed} may ({plan.policy.max_fail})"
    return ""


def _one_of_each(boards: Sequence[BoardEntry], count: int) -> tuple[BoardEntry, ...]:
    by_profile: dict[str, list[BoardEntry]] = defaultdict(list)
    for board in boards:
        by_profile[board.profile].append(board)
    queues = list(by_profile.values())
    taken: list[BoardEntry] = []
    while len(taken) < count:
        for queue in queues:
            if queue and len(taken) < count:
                taken.append(queue.pop(0))
    return tuple(taken)
