"""One round of pruning: take channels until the multiply-accumulates are few enough, train again.

request  {"model": FILE.pt2, "teacher": FILE.pt2, "samples": FOLDER, "judged": FOLDER or "",
          "out": FILE.pt2, "checkpoint": FILE or "", "metric": "macs" or "weight_bytes",
          "limit": NUMBER, "importance", "multiple", "epochs", "learning_rate", "batch", "seed",
          "threads"}
reply    {"standing": {...}, "reached": BOOL, "judged": {...}, "before": {...}, "learned": {...}}
"""

from __future__ import annotations

from typing import Any

TAYLOR_BATCHES = 16
"""Gradients over about a thousand samples rank channels steadily."""


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the module's docstring."""
    from edgekit.compress.workers import model_file
    from edgekit.compress.workers.counting import standing
    from edgekit.compress.workers.dataset import parts, tell
    from edgekit.compress.workers.learning import Schedule, fit, make_repeatable
    from edgekit.compress.workers.losses import Answers, measure
    from edgekit.compress.workers.narrowing import Narrowing

    make_repeatable(request["seed"], request["threads"])
    teacher = model_file.read(request["teacher"])
    for folder in filter(None, (request["samples"], request["judged"])):
        tell(teacher.module, folder)
    train, tuning, judged = parts(request["samples"], request["judged"], request["seed"])
    working = model_file.read(request["model"])
    answers = Answers(train)
    if request["importance"] == "taylor":
        _gradients(working.module, train, answers, request)
    narrowing = Narrowing(
        working.module,
        working.example,
        importance=request["importance"],
        multiple=request["multiple"],
    )

    reached = narrowing.until(request["metric"], request["limit"])
    module = narrowing.module
    before = measure(module, judged, answers)
    schedule = Schedule(
        request["epochs"],
        request["learning_rate"],
        request["batch"],
        request["seed"],
        checkpoint=request["checkpoint"],
    )
    learned = fit(module, train, tuning, schedule)
    after = measure(module, judged, answers)
    model_file.write(working._replace(module=module), request["out"])
    return {
        "standing": standing(module, working.example),
        "reached": reached,
        "before": before,
        "judged": after,
        "epochs": learned.epochs,
        "best_epoch": learned.best_epoch,
    }


# Any: a torch module, JSON
def _gradients(module: Any, train: Any, answers: Any, request: dict[str, Any]) -> None:
    """Gradients of the loss over some batches: how much each weight matters."""
    import torch

    from edgekit.compress.workers.model_file import outputs_of

    torch.manual_seed(request["seed"])
    order = torch.randperm(len(train)).numpy()
    module.eval()
    for i, batch in enumerate(train.batches(request["batch"], order)):
        if i == TAYLOR_BATCHES:
            break
        answers.loss(outputs_of(module(*batch.inputs)), batch).backward()
    for parameter in module.parameters():
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
