# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The search finds the capacity of a node whose capacity is known."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated_graph import run_simulated

from drivseg_ros.bench.graph.peak import HOLDS, Peak, find_peak
from drivseg_ros.errors import ParameterError


def search(capacity_hz: float, **limits: float) -> Peak:
    return find_peak(
        lambda rate_hz: HOLDS if rate_hz <= capacity_hz else 'node',
        **{'lowest_hz': 1.0, 'highest_hz': 200.0, **limits},
    )


@given(st.floats(1.0, 199.0))
def test_it_is_found_to_its_accuracy(capacity_hz: float) -> None:
    peak = search(capacity_hz)
    assert peak.rate_hz <= capacity_hz < peak.rate_hz * 1.0501
    assert len(peak.probes) <= math.ceil(math.log2(math.log(200) / math.log(1.05))) + 1
    assert len({rate for rate, _ in peak.probes}) == len(peak.probes)


@pytest.mark.parametrize(
    ('capacity_hz', 'rate_hz', 'limited_by'),
    [(0.5, 0.0, 'node'), (1.0, 1.0, 'node'), (200.0, 200.0, 'highest rate'), (1e9, 200.0, None)],
)
def test_at_the_limits(capacity_hz: float, rate_hz: float, limited_by: str | None) -> None:
    peak = search(capacity_hz)
    assert peak.rate_hz == rate_hz
    assert peak.limited_by == (limited_by or 'highest rate')


def test_it_tells_who_set_the_limit() -> None:
    peak = find_peak(
        lambda rate_hz: HOLDS if rate_hz < 50 else 'sender', lowest_hz=1, highest_hz=100
    )
    assert peak.limited_by == 'sender'
    assert peak.rate_hz < 50


@pytest.mark.parametrize(
    'limits',
    [
        {'lowest_hz': 0.0},
        {'lowest_hz': 300.0},
        {'highest_hz': math.inf},
        {'highest_hz': math.nan},
        {'accuracy': 0.0},
    ],
)
def test_refusals(limits: dict[str, float]) -> None:
    with pytest.raises(ParameterError, match='lowest rate must be above 0'):
        search(10.0, **limits)


@pytest.mark.parametrize('queue', [1, 10])
@pytest.mark.parametrize('capacity_hz', [7.0, 23.0, 90.0])
def test_capacity_of_a_simulated_node(capacity_hz: float, queue: int) -> None:
    """Through all figures: a queue does not make a node quicker than it is."""

    def probe(rate_hz: float) -> str:
        return run_simulated(rate_hz, work_s=1 / capacity_hz, queue=queue).verdict

    peak = find_peak(probe, lowest_hz=1.0, highest_hz=200.0)
    # Less than 5 % loss, one of 21 messages included, lets a little more through than there is.
    assert capacity_hz / 1.06 < peak.rate_hz < capacity_hz * 1.11
