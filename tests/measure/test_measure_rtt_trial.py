"""How many round trips a request takes, by adding distance."""

from __future__ import annotations

import dataclasses

import pytest

from edgekit.core.record import Unavailable
from edgekit.measure.rtt_trial import compare_trips
from samples import FIBER, trip


def test_round_trips_are_counted() -> None:
    far = dataclasses.replace(FIBER, rtt_ms=54.0)
    found = compare_trips(trip(40.0), trip(140.0, far), cost_s=3.0)
    assert not isinstance(found, Unavailable)
    assert found.gain_ms.value == pytest.approx(-100.0)
    assert found.gain_ms.low <= found.gain_ms.value <= found.gain_ms.high
    assert "2.0 round trips" in found.told


def test_too_few_requests_cannot_tell() -> None:
    assert isinstance(compare_trips(trip(40.0, count=3), trip(90.0), cost_s=1.0), Unavailable)
