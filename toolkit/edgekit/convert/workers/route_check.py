"""Does a float model that came by a way give what the original gives?

request  {"engine": NAME, "format": NAME, "model": PATH, "samples": FOLDER, "reference": FOLDER,
          "channel_last": [INT], "names": [TEXT]}
reply    {"snr_db": lowest signal to noise of an output, or null where nothing differs}
"""

from __future__ import annotations

from typing import Any

from edgekit.convert.workers.artifact_model import ArtifactModel, input_details
from edgekit.convert.workers.comparison import agreement
from edgekit.convert.workers.samples_file import read_inputs, read_outputs
from edgekit.convert.workers.tflite_files import source_order
from edgekit_runner import engines

SAMPLES = 8
"""A wrong layout or operation shows in the first ones."""


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the module's docstring."""
    name = "litert" if request["format"] == "tflite" else request["engine"]
    session = engines.find_engine(name).load(request["model"], 2)
    inputs = [array[:SAMPLES] for array in read_inputs(request["samples"])]
    reference = [array[:SAMPLES] for array in read_outputs(request["reference"])]
    order = source_order(input_details(session), inputs, request["channel_last"], request["names"])
    found = agreement(
        ArtifactModel(session, order, request["channel_last"]).compare(inputs, reference)
    )
    noises = [o["snr_db"] for o in found["outputs"] if o["snr_db"] is not None]
    return {"snr_db": min(noises, default=None)}
