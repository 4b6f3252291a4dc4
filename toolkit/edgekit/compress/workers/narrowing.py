"""Takes channels away where they matter least for what they cost, along with all that depends on them.

torch-pruning finds which channels hang together through additions, concatenations, depthwise and
grouped convolutions, and how important they are. Which of these groups loses channels next is
decided here: the one with the least importance per multiply-accumulate saved, by as many channels
as the board's kernels like at a time.

Source: Fang et al., DepGraph, https://arxiv.org/abs/2301.12900; Molchanov et al., Taylor importance,
https://arxiv.org/abs/1906.10771.
"""

from __future__ import annotations

import math
import warnings
from copy import deepcopy
from typing import Any

import torch
from torch import nn

from edgekit.compress.workers.counting import macs, standing
from edgekit.compress.workers.lifting import heads
from edgekit.compress.workers.model_file import outputs_of
from edgekit.core.errors import UnsupportedModel

KEEP_SHARE = 0.125
"""A group keeps at least this share of its channels: a layer that is gone cannot be trained back."""
IMPORTANCE = ("taylor", "group-norm")


class Narrowing:
    """A module that loses channels step by step; :attr:`module` is what is left."""

    # Any: torch modules and tensors
    def __init__(
        self, module: Any, example: tuple[Any, ...], *, importance: str, multiple: int
    ) -> None:
        import torch_pruning

        self.module = module
        self.example = example
        self.multiple = multiple
        self.scorer = (
            torch_pruning.importance.GroupTaylorImportance(group_reduction="sum", normalizer=None)
            if importance == "taylor"
            else torch_pruning.importance.GroupMagnitudeImportance(p=2)
        )
        self.banned: set[str] = set()
        """Root layers of groups that cannot be taken from without breaking the model."""
        traced = _Traced(module, example)
        self.floors = {
            traced.root(group): max(1, int(len(group[0].idxs) * KEEP_SHARE))
            for group in traced.groups()
        }

    def until(self, metric: str, limit: float) -> bool:
        """Takes channels until a figure of :func:`standing` is at most the limit.

        Gives False when nothing more can be taken.
        """
        while True:
            over = standing(self.module, self.example)[metric] - limit
            if over <= 0:
                return True
            if not self._step(over if metric == "macs" else math.inf):
                return False

    def uniformly(self, share: float) -> None:
        """Every group keeps the given share of its channels, where it can lose any."""
        for name in list(self.floors):
            traced = _Traced(_copied(self.module), self.example)
            group = next((g for g in traced.groups() if traced.root(g) == name), None)
            if group is None:
                continue
            parts = _parts(group)
            wide = len(group[0].idxs) // parts
            take = wide - max(1, round(wide * share))
            if take > 0:
                self._try(traced, group, self._least(group, take, parts)[0])

    def _step(self, needed: float) -> bool:
        """Takes once from one group; False when no group can lose more."""
        while True:
            traced = _Traced(_copied(self.module), self.example)
            best = self._best(traced, needed)
            if best is None:
                return False
            if self._try(traced, *best):
                return True

    def _best(self, traced: _Traced, needed: float) -> tuple[Any, list[int]] | None:
        """The group with the least importance per multiply-accumulate saved, and its channels.

        What is saved beyond the need counts for nothing: it would only cost accuracy.
        """
        costs = macs(traced.module, self.example)
        best: tuple[float, Any, list[int]] | None = None
        for group in traced.groups():
            name, parts = traced.root(group), _parts(group)
            wide = len(group[0].idxs) // parts
            take = wide % self.multiple or self.multiple
            if name in self.banned or wide - take < max(self.floors.get(name, 1) // parts, 1):
                continue
            chosen, meaning = self._least(group, take, parts)
            saved = traced.saved(group, take / wide, costs)
            if not chosen or saved <= 0:
                continue
            price = meaning / min(saved, needed)
            if best is None or price < best[0]:
                best = (price, group, chosen)
        return best[1:] if best else None

    def _least(self, group: Any, take: int, parts: int) -> tuple[list[int], float]:
        """The least important channels of a group, the same of every part, with what they mean."""
        scores = self.scorer(group)
        if scores is None:
            return [], 0.0
        per = scores.reshape(parts, -1).sum(0)
        order = torch.argsort(per, stable=True)[:take]
        chosen = [int(i) + part * per.numel() for part in range(parts) for i in order]
        return sorted(chosen), float(per[order].sum())

    def _try(self, traced: _Traced, group: Any, chosen: list[int]) -> bool:
        """Takes the channels from the copy; keeps it when it still computes the same shapes."""
        traced.take(group, chosen)
        if traced.computes():
            self.module = traced.module
            return True
        self.banned.add(traced.root(group))
        return False


class _Traced:
    """A module with the graph of which channels hang together.

    Positions behind a concatenation are not kept up to date over several prunings, so that every
    step traces anew.
    """

    # Any: torch modules and tensors, groups of torch-pruning
    def __init__(self, module: Any, example: tuple[Any, ...]) -> None:
        import torch_pruning

        self.module = module
        self.example = example
        self.names = {layer: name for name, layer in module.named_modules()}
        self.shapes = self._shapes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                self.graph = torch_pruning.DependencyGraph().build_dependency(
                    module, example_inputs=example
                )
            except Exception as err:  # its tracer raises many kinds
                text = str(err).splitlines()[0][:200] if str(err) else ""
                raise UnsupportedModel(
                    f"the model's channels cannot be followed: {type(err).__name__}: {text}",
                    hint="edgekit compress distill TEACHER --student build.py trains a smaller one",
                ) from err

    def groups(self) -> Any:
        """Channels that hang together and are not the model's outputs."""
        return self.graph.get_all_groups(
            ignored_layers=heads(self.module),
            root_module_types=[nn.Conv1d, nn.Conv2d, nn.Linear],
        )

    def root(self, group: Any) -> str:
        """Name of the layer that a group starts from."""
        return str(self.names[group[0].dep.target.module])

    def take(self, group: Any, chosen: list[int]) -> None:
        """Removes the channels and all that depends on them."""
        root = group[0].dep
        self.graph.get_pruning_group(root.target.module, root.handler, chosen).prune()

    def computes(self) -> bool:
        """True when the module still runs and its outputs have the shapes they had."""
        try:
            return self._shapes() == self.shapes
        except (RuntimeError, ValueError, IndexError):
            return False

    def saved(self, group: Any, share: float, costs: dict[Any, int]) -> float:
        """Multiply-accumulates that go when a share of the channels goes."""
        left: dict[Any, float] = {}
        for dep, idxs in group:
            layer = dep.target.module
            if layer not in costs:
                continue
            is_out = self.graph.is_out_channel_pruning_fn(dep.handler)
            wide = layer.weight.shape[0] if is_out else self.graph.get_in_channels(layer)
            part = min(share * len(idxs) / max(wide, 1), 1.0)
            left[layer] = left.get(layer, 1.0) * (1 - part)
        return sum(costs[layer] * (1 - rest) for layer, rest in left.items())

    def _shapes(self) -> list[Any]:
        with torch.no_grad():
            return [tuple(v.shape) for v in outputs_of(self.module(*self.example))]


def _parts(group: Any) -> int:
    """Into how many equal parts the channels fall: groups of convolutions and of norms."""
    parts = 1
    for dep, _ in group:
        layer = dep.target.module
        if isinstance(layer, nn.Conv1d | nn.Conv2d) and layer.groups > 1:
            is_depthwise = layer.groups == layer.in_channels == layer.out_channels
            parts = max(parts, 1 if is_depthwise else layer.groups)
        elif isinstance(layer, nn.GroupNorm):
            parts = max(parts, layer.num_groups)
    return parts


def _copied(module: Any) -> Any:
    """A copy with its gradients, which copying leaves out."""
    copy = deepcopy(module)
    for ours, theirs in zip(copy.parameters(), module.parameters(), strict=True):
        if theirs.grad is not None:
            ours.grad = theirs.grad.clone()
    return copy
