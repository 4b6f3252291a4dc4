"""Runs Silero VAD over whole tracks and keeps each step with the state it began with.

request  {"model": PATH, "tracks": PATH of an .npz with track_<i> [n, 1, 576], "out": PATH}
"""

from __future__ import annotations

from typing import Any


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """Writes ``input`` [n, 1, 576] and ``state`` [n, 2, 1, 128]."""
    import numpy
    import onnxruntime

    session = onnxruntime.InferenceSession(request["model"], providers=["CPUExecutionProvider"])
    inputs, states = [], []
    with numpy.load(request["tracks"]) as archive:
        for name in sorted(archive.files):
            state = numpy.zeros((2, 1, 128), numpy.float32)
            for step in archive[name]:
                inputs.append(step)
                states.append(state)
                state = session.run(["stateN"], {"input": step, "state": state})[0]
    numpy.savez_compressed(request["out"], input=numpy.stack(inputs), state=numpy.stack(states))
    return {"count": len(inputs)}
