"""Policies by name."""

from __future__ import annotations

import pytest

from edgekit.core.errors import UsageFault
from edgekit.measure.policies import POLICIES, find_policy
from edgekit.measure.stats import minimum_count


def test_every_policy_bounds_what_it_promises() -> None:
    for name, policy in POLICIES.items():
        assert policy.name == name
        assert policy.min_duration_s < policy.max_duration_s
        assert policy.runs >= minimum_count(0.5)


def test_mlperf_single_stream_has_its_own_rules() -> None:
    policy = find_policy("mlperf-singlestream")
    assert (policy.runs, policy.min_duration_s) == (64, 600.0)
    assert not policy.width_p50
    assert not policy.width_p95


def test_an_unknown_policy_gets_a_suggestion() -> None:
    with pytest.raises(UsageFault, match="strict"):
        find_policy("stricht")
