"""Does a board fit its profile, and which profile fits a board best?"""

from __future__ import annotations

import re

from edgekit.core.board import BoardFacts
from edgekit.core.profile import DeviceProfile


def check_board(profile: DeviceProfile, facts: BoardFacts, *, stand_in: bool) -> tuple[str, ...]:
    """Why the board is not what the profile says; empty when it fits.

    A stand-in may be of any architecture: what really runs is labelled.
    """
    if stand_in:
        return ()
    problems = []
    arches = {userland.arch for userland in profile.userlands} | {profile.arch}
    if facts.arch not in arches:
        problems.append(
            f"its userland is {facts.arch}, the profile {profile.id} says {profile.arch}"
        )
    elif facts.cpu_features:
        missing = sorted(set(profile.isa_features) - set(facts.cpu_features))
        if missing and profile.arch == facts.arch:
            problems.append(f"its processor lacks {', '.join(missing)}")
    return tuple(problems)


def match_profiles(
    profiles: tuple[DeviceProfile, ...], facts: BoardFacts
) -> tuple[tuple[DeviceProfile, str], ...]:
    """Profiles that fit the board, best first, each with the reason."""
    scored = []
    for profile in profiles:
        score, reason = _score(profile, facts)
        if score:
            scored.append((score, profile.id, profile, reason))
    scored.sort(key=lambda item: (-item[0], item[1]))
    return tuple((profile, reason) for _, _, profile, reason in scored)


def _score(profile: DeviceProfile, facts: BoardFacts) -> tuple[int, str]:
    if profile.alias_of or facts.arch not in {u.arch for u in profile.userlands}:
        return 0, ""
    identity = profile.identity
    model = facts.board_model if isinstance(facts.board_model, str) else ""
    for pattern in (*identity.device_tree_models, *identity.dmi_products):
        if model and re.search(pattern, model):
            return 3, f"its model is {model}"
    for pattern in identity.cpu_models:
        if re.search(pattern, facts.cpu_model):
            return 2, f"its processor is {facts.cpu_model}"
    if profile.id.startswith("generic-"):
        return 1, f"its architecture is {facts.arch}"
    return 0, ""
