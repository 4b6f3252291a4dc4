"""Searches of several seeds with both samplers, in one process: the room's own workers, called in turn.

request  {"space": FILE.py, "samples": FOLDER, "shapes", "seeds": [N], "trials": N, "epochs": N, "out": FOLDER}
reply    {"points": {"<sampler>-<seed>": [[ACCURACY, P50_MS], ...]}}
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edgekit.compress.workers import time_models, trial_ask, trial_tell


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the module's docstring."""
    points: dict[str, list[list[float]]] = {}
    for seed in request["seeds"]:
        for sampler in ("random", "tpe"):
            name = f"{sampler}-{seed}"
            folder = Path(request["out"]) / name
            folder.mkdir(parents=True, exist_ok=True)
            kept = folder / "points.json"
            if not kept.exists():
                found = [
                    _trial(request, folder, sampler, seed, i) for i in range(request["trials"])
                ]
                kept.write_text(json.dumps([point for point in found if point is not None]))
            points[name] = json.loads(kept.read_text())
    return {"points": points}


# Any: JSON
def _trial(
    request: dict[str, Any], folder: Path, sampler: str, seed: int, number: int
) -> list[float] | None:
    study = {
        "journal": str(folder / "journal.log"),
        "sampler": sampler,
        "seed": seed * 10_000 + number,
    }
    reply = trial_ask.main(
        study
        | {
            "space": request["space"],
            "shapes": request["shapes"],
            "epochs": request["epochs"],
            "eta": 3,
            "out": str(folder),
            "learning_rate": 3e-3,
            "samples": request["samples"],
            "judged": "",
            "batch": 64,
            "threads": 1,
        }
    )
    if reply["state"] != "trained":
        return None
    timed = time_models.main({"models": [reply["model"]], "rounds": 5, "runs": 60})
    accuracy, p50_ms = float(reply["judged"]["accuracy"]), float(timed["p50_ms"][0])
    values = [accuracy, p50_ms, float(timed["size_bytes"][0])]
    trial_tell.main(study | {"number": reply["number"], "values": values, "violation": 0.0})
    return [accuracy, p50_ms]
