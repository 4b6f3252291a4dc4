"""Where a model stands.

request  {"model": FILE.pt2 or "", "teacher": FILE.pt2 or "", "samples", "judged", "seed", "threads", "batch"}
reply    {"standing": {...}, "judged": {...}}; without a model the teacher's answers are judged
"""

from __future__ import annotations

from typing import Any


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the module's docstring."""
    from edgekit.compress.workers import model_file
    from edgekit.compress.workers.counting import standing
    from edgekit.compress.workers.dataset import parts, tell
    from edgekit.compress.workers.learning import make_repeatable
    from edgekit.compress.workers.losses import Answers, measure, measure_answers

    make_repeatable(request["seed"], request["threads"])
    if not request["model"]:
        train, _, judged = parts(request["samples"], request["judged"], request["seed"])
        return {"judged": measure_answers(judged, Answers(train))}
    teacher = model_file.read(request["teacher"])
    for folder in filter(None, (request["samples"], request["judged"])):
        tell(teacher.module, folder)
    train, _, judged = parts(request["samples"], request["judged"], request["seed"])
    working = model_file.read(request["model"])
    return {
        "standing": standing(working.module, working.example),
        "judged": measure(working.module, judged, Answers(train)),
    }
