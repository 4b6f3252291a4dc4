"""Everything about a board at once: what it is, what fits it, what stands in the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgekit.boards.deploy_plan import Ground
from edgekit.boards.session import runner_session
from edgekit.boards.surveying import survey_board
from edgekit.boards.transports.contract import Transport
from edgekit.boards.wheelhouse import REQUIREMENTS, why_impossible
from edgekit.core.board import BoardEntry, BoardFacts
from edgekit.core.errors import BoardMismatch
from edgekit.core.record import dump, to_plain
from edgekit.profiles.device import list_profiles, load_profile
from edgekit.profiles.matching import check_board, match_profiles


@dataclass(frozen=True)
class Probed:
    """What a board is, and what follows."""

    entry: BoardEntry
    wanted: str
    """The profile that it is said to be; may be empty."""
    facts: BoardFacts
    ground: Ground
    fits: tuple[tuple[str, str], ...]
    """Profile and reason, best first."""
    engines: Mapping[str, str]
    """Engine to why it cannot be installed; empty when it can."""
    problems: tuple[str, ...]
    """Why it is not what it is said to be."""

    @property
    def document(self) -> Mapping[str, object]:
        """For ``--json``: the facts' record and what follows from them."""
        return {
            **dump(self.facts),
            "missing_modules": list(self.ground.missing_modules),
            "free_inodes": self.ground.free_inodes,
            "is_noexec": self.ground.is_noexec,
            "has_systemd": self.ground.has_systemd,
            "profiles": [{"id": name, "because": why} for name, why in self.fits],
            "engines_possible": {name: why or "yes" for name, why in self.engines.items()},
            "problems": list(self.problems),
        }

    def require_fit(self) -> None:
        """Refuses a board that is not what it is said to be.

        Raises:
            BoardMismatch: with the command that puts it right.
        """
        if not self.problems:
            return
        entry = self.entry
        best = next((name for name, _ in self.fits), "")
        command = f"edgekit boards add {entry.name} --host {entry.host} --profile {best} --replace"
        raise BoardMismatch(
            f"{entry.name} is not a {self.wanted}: {'; '.join(self.problems)}",
            hint=command if best else "describe it: docs/add-a-board-type.md",
            details={"problems": list(self.problems), "fits": [name for name, _ in self.fits]},
        )


def probe(entry: BoardEntry, transport: Transport, *, profile: str = "") -> Probed:
    """Asks a board, in one round trip once the runner is there.

    Args:
        entry: the board.
        transport: its connection.
        profile: compare with this one instead of the entry's.

    Raises:
        BoardError: the board was lost.
        RunnerFailed: its answer is not understood.
    """
    survey = survey_board(runner_session(transport), "probe")
    facts = survey.facts
    wanted = profile or entry.profile
    return Probed(
        entry=entry,
        wanted=wanted,
        facts=facts,
        ground=survey.ground,
        fits=tuple((found.id, why) for found, why in match_profiles(list_profiles(), facts)),
        engines={engine: why_impossible(engine, facts) for engine in REQUIREMENTS},
        problems=check_board(load_profile(wanted), facts, stand_in=entry.stand_in)
        if wanted
        else (),
    )


def plain_facts(facts: BoardFacts) -> dict[str, object]:
    """Facts as words: unavailable ones with their reason."""
    found: dict[str, object] = {}
    for key, value in to_plain(facts).items():
        is_missing = isinstance(value, dict) and "unavailable" in value
        found[key] = f"unavailable: {value['unavailable']}" if is_missing else value
    return found
