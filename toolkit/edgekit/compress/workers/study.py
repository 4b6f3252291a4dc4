"""Where trials are kept: an Optuna study in a journal file, readable after a kill at any instant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

NAME = "edgekit"
DIRECTIONS = ("maximize", "minimize", "minimize")
"""Accuracy, latency, size."""
VIOLATION = "violation"
STARTUP_TRIALS = 8
"""Random ones before TPE has something to learn from (Optuna's default is 10)."""


def open_study(journal: str, sampler: str, seed: int) -> Any:  # Any: an Optuna study
    """The study of a journal, made when it is not there.

    Args:
        journal: its file.
        sampler: tpe or random.
        seed: the sampler's; differs per trial, so that a resumed search does not repeat itself.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    samplers = {
        "tpe": lambda: optuna.samplers.TPESampler(
            seed=seed,
            n_startup_trials=STARTUP_TRIALS,
            multivariate=True,
            constraints_func=_constraints,
        ),
        "random": lambda: optuna.samplers.RandomSampler(seed=seed),
    }
    return optuna.create_study(
        study_name=NAME,
        storage=JournalStorage(JournalFileBackend(journal)),
        directions=list(DIRECTIONS),
        sampler=samplers[sampler](),
        load_if_exists=True,
    )


def _constraints(trial: Any) -> Sequence[float]:  # Any: a FrozenTrial
    """Above 0: by how much a trial misses the target."""
    return (float(trial.user_attrs.get(VIOLATION, 0.0)),)


def falls_behind(study: Any, number: int, rung: str, score: float, eta: int) -> bool:
    """Successive halving, asynchronous: a trial goes on when it is among the best 1/eta of a rung.

    Optuna's own pruners take a single objective only.
    Source: Li et al., ASHA, https://arxiv.org/abs/1810.05934.
    """
    others = [
        float(trial.user_attrs[rung])
        for trial in study.get_trials(deepcopy=False)
        if trial.number != number and rung in trial.user_attrs
    ]
    if len(others) + 1 < eta:
        return False
    kept = max(1, (len(others) + 1) // eta)
    return score < sorted([*others, score], reverse=True)[kept - 1]
