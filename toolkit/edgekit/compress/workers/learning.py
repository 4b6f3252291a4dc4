"""Training: the same in every step, seeded, with a checkpoint after every epoch."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from edgekit.compress.workers.dataset import Batch, Samples
from edgekit.compress.workers.losses import Answers, measure
from edgekit.compress.workers.model_file import outputs_of

WARMUP_SHARE = 0.1
GRADIENT_NORM = 5.0


@dataclass(frozen=True)
class Schedule:
    """How a model is trained."""

    epochs: int
    learning_rate: float
    batch: int
    seed: int
    patience: int = 0
    """Epochs without a gain after which training ends; 0 goes on to the end."""
    checkpoint: str = ""
    """File that a killed training goes on from."""


Loss = Callable[[Any, Batch], Any]  # Any: a module, a tensor


@dataclass(frozen=True)
class Learned:
    """What a training came to."""

    epochs: int
    best_epoch: int
    figures: dict[str, Any]  # Any: JSON
    history: list[dict[str, Any]]


def make_repeatable(seed: int, threads: int) -> None:
    """The same seed on the same machine gives the same weights."""
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(threads)


def fit(
    module: Any,
    train: Samples,
    tuning: Samples,
    schedule: Schedule,
    *,
    extra: Loss | None = None,
) -> Learned:
    """Trains in place and leaves the weights of the epoch that did best on ``tuning``.

    Args:
        module: a lifted module.
        train: samples that train.
        tuning: samples that choose the epoch.
        schedule: how long and how fast.
        extra: a loss beside labels and the teacher's answers.
    """
    answers = Answers(train)
    optimizer = torch.optim.AdamW(
        module.parameters(), lr=schedule.learning_rate, weight_decay=1e-4
    )
    state = _State(module, optimizer, schedule)
    if not state.history:
        state.take(-1, measure(module, tuning, answers))

    def loss(batch: Batch) -> Any:  # Any: a tensor
        value = answers.loss(outputs_of(module(*batch.inputs)), batch)
        return value if extra is None else value + extra(module, batch)

    for epoch in range(state.epoch + 1, schedule.epochs):
        torch.manual_seed(schedule.seed * 1000 + epoch)
        module.train()
        _epoch(train, optimizer, loss, schedule, epoch)
        state.take(epoch, measure(module, tuning, answers))
        if schedule.patience and epoch - state.best_epoch >= schedule.patience:
            break
    module.load_state_dict(state.best)
    module.eval()
    return Learned(state.epoch + 1, state.best_epoch, state.history[-1], state.history)


def _epoch(
    train: Samples,
    optimizer: Any,
    loss_of: Callable[[Batch], Any],
    schedule: Schedule,
    epoch: int,
) -> None:
    order = torch.randperm(len(train)).numpy()
    each = max(1, math.ceil(len(train) / schedule.batch))
    for i, batch in enumerate(_full(train.batches(schedule.batch, order))):
        done = (epoch * each + i) / (each * schedule.epochs)
        step = 1 / (each * schedule.epochs)
        rate = min(1.0, (done + step) / WARMUP_SHARE) * (1 + math.cos(math.pi * done)) / 2
        for group in optimizer.param_groups:
            group["lr"] = schedule.learning_rate * rate
        loss = loss_of(batch)
        optimizer.zero_grad()
        loss.backward()
        for group in optimizer.param_groups:
            torch.nn.utils.clip_grad_norm_(group["params"], GRADIENT_NORM)
        optimizer.step()


def _full(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Batches of more than one sample: a batch norm cannot learn from a single one."""
    return (batch for batch in batches if len(batch.inputs[0]) > 1)


class _State:
    """Where a training stands, on disk after every epoch."""

    def __init__(self, module: Any, optimizer: Any, schedule: Schedule) -> None:
        self.module, self.optimizer = module, optimizer
        self.path = schedule.checkpoint
        self.epoch = self.best_epoch = -1
        self.best_score = -math.inf
        self.best: dict[str, Any] = {}
        self.history: list[dict[str, Any]] = []
        if self.path and Path(self.path).exists():
            found = torch.load(self.path, weights_only=True)
            module.load_state_dict(found["module"])
            optimizer.load_state_dict(found["optimizer"])
            self.epoch, self.best_epoch = found["epoch"], found["best_epoch"]
            self.best_score, self.best = found["best_score"], found["best"]
            self.history = found["history"]

    def take(self, epoch: int, figures: dict[str, Any]) -> None:
        """Notes an epoch's figures; keeps its weights when it is the best so far."""
        self.epoch = epoch
        self.history.append({"epoch": epoch, "at": round(time.monotonic(), 1)} | figures)
        score = _score(figures)
        if score > self.best_score:
            self.best_score, self.best_epoch = score, epoch
            self.best = deepcopy(self.module.state_dict())
        if self.path:
            self._write()

    def _write(self) -> None:
        torch.save(
            {
                "module": self.module.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "epoch": self.epoch,
                "best_epoch": self.best_epoch,
                "best_score": self.best_score,
                "best": self.best,
                "history": self.history,
            },
            self.path + ".part",
        )
        os.replace(self.path + ".part", self.path)


def _score(figures: dict[str, Any]) -> float:
    """Higher is better: accuracy, else agreement, and the loss where those are equal."""
    main = figures["accuracy"] if figures["accuracy"] is not None else figures["agreement"]
    return (0.0 if main is None else float(main)) - 1e-3 * min(float(figures["loss"]), 100.0)
