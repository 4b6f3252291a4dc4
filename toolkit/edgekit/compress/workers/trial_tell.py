"""Notes what a board said about a candidate, or that it cannot be had.

request  {"journal", "sampler", "seed", "number", "values": [NUMBER] or None, "violation": NUMBER}
reply    {"finished": N}
"""

from __future__ import annotations

from typing import Any


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the module's docstring."""
    import optuna

    from edgekit.compress.workers.study import VIOLATION, open_study

    study = open_study(request["journal"], request["sampler"], request["seed"])
    number = request["number"]
    running = {
        trial.number: trial
        for trial in study.get_trials(states=(optuna.trial.TrialState.RUNNING,))
    }
    if number in running:
        identity = running[number]._trial_id
        study._storage.set_trial_user_attr(identity, VIOLATION, request["violation"])
        if request["values"] is None:
            study.tell(number, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(number, request["values"])
    return {"finished": len(study.get_trials(deepcopy=False)) - max(0, len(running) - 1)}
