"""What ``edgekit boards probe`` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.cli.output import aligned

if TYPE_CHECKING:
    from edgekit.boards.probing import Probed


def describe_probe(found: Probed) -> str:
    """Facts, profiles that fit, engines that can be had."""
    from edgekit.boards.probing import plain_facts

    facts, ground = found.facts, found.ground
    plain = plain_facts(facts)
    plain["cpu_features"] = f"{len(facts.cpu_features)} (all with --json)"
    plain["engines"] = ", ".join(f"{k} {v}" for k, v in facts.engines.items())
    plain["python_lacks"] = ", ".join(ground.missing_modules) or "nothing"
    lines = [f"{key:<18} {value}" for key, value in plain.items()]
    rows = list(found.fits) or [("none", "")]
    possible = [(name, f"no: {why}" if why else "yes") for name, why in found.engines.items()]
    lines += ["", aligned(("profile", "fits because"), rows)]
    lines += ["", aligned(("engine", "wheels for this board"), possible)]
    return "\n".join(lines)
