"""Where an endpoint's latency runs away."""

from __future__ import annotations

import dataclasses

import pytest

from edgekit.core.load import LoadPoint
from edgekit.core.network import OpenLoad, TripFailure
from edgekit.core.record import Unavailable
from edgekit.measure.load import knee, point_of
from samples import trip


def point(rate: float, p95_ms: float, *, failures: int = 0, count: int = 400) -> LoadPoint:
    """A point whose requests took about that long, all answered in time."""
    seconds = count / rate
    made = dataclasses.replace(
        trip(p95_ms, None, count=count),
        load=OpenLoad(rate, "constant", seconds, 8),
        starts_ns=tuple(int(i / rate * 1e9) for i in range(count)),
        failures=(TripFailure(0, 1, "timeout", "late"),) * failures,
    )
    return point_of(made, seconds)


def test_the_knee_is_the_last_rate_before_latency_runs_away() -> None:
    points = [point(10, 5.0), point(20, 5.5), point(40, 9.0), point(80, 40.0), point(160, 400.0)]
    assert knee(points) == 40


def test_failures_end_what_an_endpoint_takes() -> None:
    assert knee([point(10, 5.0), point(20, 5.0, failures=40)]) == 10


def test_an_endpoint_that_answers_slower_than_asked_has_passed_its_knee() -> None:
    slow = dataclasses.replace(point(40, 5.0), achieved_per_s=20.0)
    assert knee([point(10, 5.0), point(20, 5.0), slow]) == 20


def test_one_rate_tells_no_knee() -> None:
    assert isinstance(knee([point(10, 5.0)]), Unavailable)
    assert isinstance(knee([point(10, 5.0, count=8), point(20, 5.0)]), Unavailable)


def test_figures_of_a_point() -> None:
    found = point(10, 5.0, failures=100)
    assert found.failed_share == pytest.approx(0.2)
    assert found.achieved_per_s == pytest.approx(10, rel=0.02)
    assert found.up_bytes == 15_000
