"""A model with a share of the channels of every layer, as a student of the same kind.

request  {"model": FILE.pt2, "share": NUMBER, "out": FILE.pt2, "seed", "threads"}
reply    {"standing"}
"""

from __future__ import annotations

from typing import Any


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the module's docstring."""
    from edgekit.compress.workers import model_file
    from edgekit.compress.workers.counting import standing
    from edgekit.compress.workers.learning import make_repeatable
    from edgekit.compress.workers.narrowing import Narrowing

    make_repeatable(request["seed"], request["threads"])
    working = model_file.read(request["model"])
    narrowing = Narrowing(working.module, working.example, importance="group-norm", multiple=1)
    narrowing.uniformly(request["share"])
    student = working._replace(module=narrowing.module)
    model_file.write(student, request["out"])
    return {"standing": standing(student.module, student.example)}
