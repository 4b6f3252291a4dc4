"""Olive: ``olive run`` with its static and its dynamic quantization pass, both by their defaults."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from convert_bench.environments import OLIVE
from convert_bench.peers.programs import call_program

NAME = "Olive"
ENGINE = "onnxruntime"
FORMAT = "onnx"
STARTS_FROM = "onnx"
ENVIRONMENT = OLIVE
VARIANTS = ("int8-static", "int8-dynamic")
SCRIPT = """
from olive.data.registry import Registry

from convert_bench.peers.ort_quantization import feeds


class Loader:
    def __init__(self):
        self.rows = list(feeds({request!r}))

    def __iter__(self):
        return iter((row, None) for row in self.rows)

    def __len__(self):
        return len(self.rows)


@Registry.register_dataset()
def bench_dataset(**settings):
    return None


@Registry.register_dataloader()
def bench_loader(dataset, **settings):
    return Loader()
"""
PASSES = {"int8-static": "OnnxStaticQuantization", "int8-dynamic": "OnnxDynamicQuantization"}


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the package's docstring."""
    folder = Path(request["out"]).parent
    script = folder / "olive_data.py"
    script.write_text(SCRIPT.format(request=request), encoding="utf-8")
    found = folder / "olive"
    work: dict[str, Any] = {"type": PASSES[request["variant"]]}  # Any: JSON
    config: dict[str, Any] = {
        "input_model": {"type": "ONNXModel", "model_path": request["model"]},
        "passes": {"quantize": work},
        "output_dir": str(found),
        "cache_dir": str(folder / "olive-cache"),
    }
    if request["variant"] == "int8-static":
        work["data_config"] = "samples"
        config["data_configs"] = [
            {
                "name": "samples",
                "user_script": str(script),
                "load_dataset_config": {"type": "bench_dataset"},
                "pre_process_data_config": {"type": "skip_pre_process"},
                "post_process_data_config": {"type": "skip_post_process"},
                "dataloader_config": {"type": "bench_loader"},
            }
        ]
    settings = folder / "olive.json"
    settings.write_text(json.dumps(config), encoding="utf-8")
    quiet = {"OLIVE_DISABLE_TELEMETRY": "1"}
    call_program("olive", ["run", "--config", str(settings)], env=quiet)
    models = sorted(found.rglob("*.onnx"))
    if not models:
        raise FileNotFoundError("olive wrote no ONNX model")
    Path(request["out"]).write_bytes(models[0].read_bytes())
    return {}
