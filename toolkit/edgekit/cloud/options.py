"""How a model is served: what the host is told, and what the server's process reads."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelOptions:
    """How each model is served."""

    threads: int = 0
    """Of the engine, per worker; 0: all processors."""
    workers: int = 1
    """Sessions that compute side by side."""
    max_batch: int = 1
    """Samples that are computed together, where the model takes more than one."""
    max_wait_ms: float = 0.0
    """How long a request waits for others although a worker is free."""
    max_in_flight: int = 256
    """More requests at a time are refused (429, RESOURCE_EXHAUSTED)."""
    cache_mb: float = 0.0
    """Size of the response cache; 0: none."""
    cache_ttl_s: float = 300.0
