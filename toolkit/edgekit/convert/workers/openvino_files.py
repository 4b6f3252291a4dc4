"""Writing OpenVINO IR files."""

from __future__ import annotations

from typing import Any


def save_ir(model: Any, path: str, *, compress_to_fp16: bool) -> None:  # Any: an OpenVINO model
    """Writes the model; the same model gives the same bytes.

    OpenVINO numbers nameless operations by a counter of the process that depends on the timing of
    its threads; here they are numbered by their place in the graph.
    """
    import openvino

    operations = model.get_ordered_ops()
    names = {operation.get_friendly_name() for operation in operations}
    for i, operation in enumerate(operations):
        kind, name = operation.get_type_name(), operation.get_friendly_name()
        wanted = f"{kind}_at_{i}"
        if name.startswith(f"{kind}_") and name[len(kind) + 1 :].isdigit() and wanted not in names:
            operation.set_friendly_name(wanted)
    openvino.save_model(model, path, compress_to_fp16=compress_to_fp16)
