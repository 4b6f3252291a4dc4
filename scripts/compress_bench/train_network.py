"""Trains an original, or masks weights of one and trains it on: in the tool environment ``compress``.

request  {"network": NAME, "data": FILE.npz, "epochs": N, "out": FILE.pt2, "state": FILE,
          "masked_share": NUMBER}
reply    {"loss": NUMBER, "zero_share": NUMBER}
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

BATCH = 64
LEARNING_RATE = 2e-3


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the module's docstring."""
    import numpy
    import torch
    from torch.nn.utils import prune

    from compress_bench.networks import NETWORKS

    torch.manual_seed(0)
    torch.set_num_threads(1)
    found = numpy.load(request["data"])
    x, y = torch.from_numpy(found["x"]), torch.from_numpy(found["y"])
    module = NETWORKS[request["network"]]()
    layers: list[tuple[Any, str]] = []
    rate = LEARNING_RATE
    if request["masked_share"]:
        module.load_state_dict(torch.load(request["state"], weights_only=True))
        kinds = (torch.nn.Conv2d, torch.nn.Linear)
        layers = [(layer, "weight") for layer in module.modules() if isinstance(layer, kinds)]
        prune.global_unstructured(
            layers, pruning_method=prune.L1Unstructured, amount=request["masked_share"]
        )
        rate /= 2
    optimizer = torch.optim.AdamW(module.parameters(), lr=rate, weight_decay=1e-4)
    steps = request["epochs"] * -(-len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(steps, 1))
    module.train()
    loss = torch.zeros(())
    for _ in range(request["epochs"]):
        for rows in torch.randperm(len(x)).split(BATCH):
            loss = torch.nn.functional.cross_entropy(module(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    for layer, name in layers:
        prune.remove(layer, name)
    module.eval()
    weights = [layer.weight for layer, _ in layers]
    zeros = sum(int((weight == 0).sum()) for weight in weights)
    if not layers:
        torch.save(module.state_dict(), request["state"])
    torch.export.save(torch.export.export(module, (x[:1].clone(),)), request["out"])
    return {
        "loss": float(loss.detach()),
        "zero_share": zeros / max(sum(weight.numel() for weight in weights), 1),
        "bytes": Path(request["out"]).stat().st_size,
    }
