"""Runs in a tool environment with real engine libraries: what a session says, as one JSON line.

``python engine_facts.py TOOLKIT ENGINE MODEL OPTIONS``
"""

from __future__ import annotations

import json
import sys
from typing import Any


def facts(engine_name: str, path: str, options: dict[str, str]) -> dict[str, Any]:  # Any: JSON
    import numpy

    from edgekit_runner import engines, sites
    from edgekit_runner.failure import Failure
    from edgekit_runner.samples import random_inputs

    engine = engines.find_engine(engine_name)
    try:
        session = sites.load(engine, path, 1, options)
        free = session.inputs[0].shape[0] == -1
        inputs = random_inputs(session.inputs)
        copied = session.run(inputs)
        session.bind(inputs)
        bound = [array.copy() for array in session.run_bound(inputs)]
        session.native()()
        profile = session.profile(inputs, 20)
        batch = ""
        try:
            session.set_batch(4)
            many = session.run([numpy.repeat(array, 4, 0) for array in inputs])
            same = numpy.allclose(many[0][3], copied[0][0], atol=1e-5)
            batch = "same" if same else "different"
        except Failure as failure:
            batch = failure.message
    except Failure as failure:
        return {"code": failure.code, "message": failure.message, "hint": failure.hint}
    return {
        "version": session.version,
        "details": session.details(),
        "placement": session.placement(),
        "fallback": session.fallback(),
        "agree": all(numpy.array_equal(a, b) for a, b in zip(copied, bound, strict=True)),
        "free": free,
        "batch": batch,
        "method": profile.method,
        "operations": [[o.name, o.type, o.where, o.ns] for o in profile.operations],
        "profiled_ns": profile.total_ns,
    }


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    print(json.dumps(facts(sys.argv[2], sys.argv[3], json.loads(sys.argv[4]))))
