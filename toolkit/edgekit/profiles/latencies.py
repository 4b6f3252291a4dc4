"""Published latencies of known models on known boards."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class PublishedLatency:
    """What somebody measured."""

    model: str
    macs: int
    profile: str
    precision: str
    """float32 or int8."""
    latency_ms: float
    source: str
    """Title, address, date."""


@cache
def published_latencies() -> tuple[PublishedLatency, ...]:
    """Every published latency that edgekit knows."""
    text = (files("edgekit.profiles") / "latencies.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    sources = {s["id"]: f"{s['title']} ({s['url']}, {s['date']})" for s in table["sources"]}
    return tuple(
        PublishedLatency(
            row["model"],
            row["macs"],
            row["profile"],
            precision,
            row[f"{precision}_ms"],
            sources[row["source"]],
        )
        for row in table["latencies"]
        for precision in ("float32", "int8")
        if f"{precision}_ms" in row
    )
