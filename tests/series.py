"""Synthetic latencies for tests of statistics and validity."""

from __future__ import annotations

import math
import random

SPREAD = 0.05
"""Standard deviation relative to the level: a quiet board."""


def autoregressive(
    generator: random.Random, count: int, rho: float, *, level: float = 10.0, sigma: float = 1.0
) -> list[float]:
    """A stationary AR(1) series of normal values."""
    innovation = sigma * math.sqrt(1 - rho * rho)
    state = generator.gauss(0, sigma)
    values = []
    for _ in range(count):
        values.append(level + state)
        state = rho * state + generator.gauss(0, innovation)
    return values


def latencies(generator: random.Random, count: int, rho: float) -> list[float]:
    """Around 1, with a spread of 5 %: skewed where independent, normal where dependent."""
    if rho == 0:
        return [generator.lognormvariate(0, SPREAD) for _ in range(count)]
    return autoregressive(generator, count, rho, level=1.0, sigma=SPREAD)
