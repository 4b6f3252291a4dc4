"""Exports MiniLM with mean pooling, and turns sentences into its tokens.

request  {"package": FOLDER of the published files, "folder": PATH, "name": FILE NAME of the program,
          "calibration": [TEXT], "evaluation": [TEXT]}
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

TOKENS = 32


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """Writes the samples and, last, the program."""
    # its binary part may not load beside a CPU build of torch, and a text model needs none
    sys.modules["torchvision"] = None  # type: ignore[assignment]  # says: not there
    import numpy
    import torch
    from safetensors.torch import load_file
    from tokenizers import Tokenizer
    from transformers import BertConfig, BertModel

    package, folder = Path(request["package"]), Path(request["folder"])
    config = BertConfig.from_json_file(str(package / "config.json"))
    config._attn_implementation = "eager"
    bert = BertModel(config, add_pooling_layer=False)
    weights = load_file(package / "model.safetensors")
    missing, _ = bert.load_state_dict(weights, strict=False)
    unset = [name for name in missing if "position_ids" not in name]
    if unset:
        raise ValueError(f"the weights lack {unset}")

    class Embedding(torch.nn.Module):  # type: ignore[misc]  # the library is not typed here
        """Mean over the tokens that are there, of length one."""

        def __init__(self) -> None:
            super().__init__()
            self.bert = bert

        def forward(self, tokens: Any, mask: Any) -> Any:  # Any: tensors
            """[1, 384] of [1, 32] tokens and their mask."""
            hidden = self.bert(input_ids=tokens, attention_mask=mask).last_hidden_state
            there = mask.unsqueeze(-1).to(hidden.dtype)
            mean = (hidden * there).sum(1) / there.sum(1)
            return mean / mean.norm(dim=1, keepdim=True)

    tokenizer = Tokenizer.from_file(str(package / "tokenizer.json"))
    tokenizer.enable_truncation(TOKENS)
    tokenizer.enable_padding(length=TOKENS)
    for name in ("calibration", "evaluation"):
        encoded = tokenizer.encode_batch(request[name])
        columns: dict[str, Any] = {  # Any: arrays
            "input_0": numpy.array([[e.ids] for e in encoded], numpy.int64),
            "input_1": numpy.array([[e.attention_mask] for e in encoded], numpy.int64),
        }
        numpy.savez_compressed(folder / f"{name}.npz", **columns)
    example = (torch.ones(1, TOKENS, dtype=torch.int64), torch.ones(1, TOKENS, dtype=torch.int64))
    with torch.no_grad():
        program = torch.export.export(Embedding().eval(), example)
    part = folder / f"part-{request['name']}"
    torch.export.save(program, part)
    part.replace(folder / request["name"])
    return {"tokens": TOKENS}
