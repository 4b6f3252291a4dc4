"""One candidate: sampled by the study, built by the user's space, trained rung by rung.

request  {"space": FILE.py, "journal", "sampler", "seed", "shapes", "epochs", "eta", "out": FOLDER,
          "learning_rate", "samples", "judged", "batch", "threads"}
reply    {"number", "parameters", "state": "trained"|"stopped"|"failed", "reason", "model",
          "standing", "judged"}
"""

from __future__ import annotations

from pathlib import Path
from typing import Any


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the module's docstring."""
    import optuna

    from edgekit.compress.workers.learning import make_repeatable
    from edgekit.compress.workers.study import open_study

    make_repeatable(request["seed"], request["threads"])
    study = open_study(request["journal"], request["sampler"], request["seed"])
    trial = study.ask()
    reply: dict[str, Any] = {"number": trial.number, "reason": ""}
    try:
        reply |= _candidate(trial, study, request)
    except Exception as err:  # noqa: BLE001  boundary: a person's space may raise anything
        text = str(err).strip().splitlines()
        reason = f"{type(err).__name__}: {text[0][:300] if text else ''}"
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
        reply |= {"state": "failed", "reason": reason}
    return reply | {"parameters": dict(trial.params)}


# Any: an Optuna trial and study, JSON
def _candidate(trial: Any, study: Any, request: dict[str, Any]) -> dict[str, Any]:
    import optuna
    import torch

    from edgekit.compress.workers import model_file
    from edgekit.compress.workers.counting import standing
    from edgekit.compress.workers.dataset import parts
    from edgekit.compress.workers.learning import Schedule, fit
    from edgekit.compress.workers.losses import Answers, measure
    from edgekit.compress.workers.study import falls_behind

    module = _space(request["space"]).build(trial)
    example = tuple(torch.zeros(shape) for shape in request["shapes"].values())
    working = model_file.of_program(torch.export.export(module.eval(), example))
    model_file.require_batches(working)
    train, tuning, judged = parts(request["samples"], request["judged"], request["seed"])
    for epochs in _rungs(request["epochs"], request["eta"]):
        rung = f"rung_{epochs}"
        schedule = Schedule(epochs, request["learning_rate"], request["batch"], request["seed"])
        learned = fit(working.module, train, tuning, schedule)
        score = float(learned.history[-1]["accuracy"] or 0.0)
        trial.set_user_attr(rung, score)
        if epochs < request["epochs"] and falls_behind(
            study, trial.number, rung, score, request["eta"]
        ):
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            return {"state": "stopped", "reason": f"accuracy {score:.2%} after {epochs} epochs"}
    model = str(Path(request["out"]) / f"trial-{trial.number}.pt2")
    model_file.write(working, model)
    return {
        "state": "trained",
        "model": model,
        "standing": standing(working.module, working.example),
        "judged": measure(working.module, judged, Answers(train)),
    }


def _rungs(epochs: int, eta: int) -> list[int]:
    """1, eta, eta squared ... up to all epochs."""
    found = [epochs]
    while found[0] // eta >= 1 and len(found) < 3:
        found.insert(0, found[0] // eta)
    return list(dict.fromkeys(found))


def _space(path: str) -> Any:  # Any: a person's module
    import importlib.util

    spec = importlib.util.spec_from_file_location("edgekit_user_space", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
