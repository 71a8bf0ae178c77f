# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivseg_ros.errors import ParameterError
from drivseg_ros.frames.mixture import epoch_order, frames_per_epoch


@pytest.mark.parametrize(
    ('lengths', 'weights', 'samples', 'counts'),
    [
        ([10, 20], [1, 1], 0, (10, 20)),
        ([10, 20], [3, 0.2], 0, (30, 4)),
        ([10, 20], [1, 1], 60, (20, 40)),
        ([10, 20], [2, 1], 6, (3, 3)),
        ([1, 1, 1], [0.5, 0.5, 2], 0, (1, 0, 2)),
        ([3, 3, 3], [1, 1, 1], 10, (3, 4, 3)),
    ],
)
def test_weights_are_shared_out(lengths, weights, samples, counts):
    if 0 in counts:
        with pytest.raises(ParameterError, match='data set 2 has frames: 1, weight: 0'):
            frames_per_epoch(lengths, weights, samples)
    else:
        assert frames_per_epoch(lengths, weights, samples) == counts


@pytest.mark.parametrize(
    ('lengths', 'weights', 'samples', 'message'),
    [
        ([], [], 0, '0 data sets'),
        ([3], [1, 2], 0, '1 data sets have 2 weights'),
        ([0], [1], 0, 'data set 1 has frames: 0'),
        ([3, 4], [1, -1], 0, 'data set 2 has frames: 4, weight: -1'),
        ([3], [float('inf')], 0, 'weight: inf'),
        ([3], [float('nan')], 0, 'weight: nan'),
        ([3], [1], -5, 'samples = -5'),
        ([3], [1], 2.5, 'samples = 2.5'),
    ],
)
def test_numbers_that_are_none_are_refused(lengths, weights, samples, message):
    with pytest.raises(ParameterError, match=message):
        frames_per_epoch(lengths, weights, samples)


SETS = st.lists(st.tuples(st.integers(1, 12), st.integers(1, 40)), min_size=1, max_size=4)


@settings(deadline=None)
@given(sets=SETS, seed=st.integers(0, 99), epoch=st.integers(0, 30))
def test_an_epoch_repeats_nothing_before_the_set_is_exhausted(sets, seed, epoch):
    lengths, counts = zip(*sets, strict=True)
    order = epoch_order(lengths, counts, seed=seed, epoch=epoch)
    assert order.shape == (sum(counts), 2)
    assert np.array_equal(order, epoch_order(lengths, counts, seed=seed, epoch=epoch))
    for source, (length, count) in enumerate(sets):
        frames = order[order[:, 0] == source, 1].tolist()
        assert len(frames) == count
        for start in range(0, count, length):
            lap = frames[start : start + length]
            assert len(set(lap)) == len(lap)
            assert set(lap) <= set(range(length))


@settings(deadline=None)
@given(length=st.integers(1, 12), count=st.integers(1, 30), seed=st.integers(0, 99))
def test_all_frames_have_their_turn(length, count, seed):
    seen = Counter()
    for epoch in range(length):
        seen.update(epoch_order([length], [count], seed=seed, epoch=epoch)[:, 1].tolist())
        assert max(seen[i] for i in range(length)) - min(seen[i] for i in range(length)) <= 1
    assert set(seen.values()) == {count}


def test_the_order_is_fixed_for_ever():
    """On every version of numpy: a run that goes on elsewhere must see the same frames."""
    order = epoch_order([3, 5], [4, 2], seed=7, epoch=2)
    assert order.tolist() == [[0, 0], [0, 2], [0, 1], [0, 1], [1, 4], [1, 2]]


def test_data_sets_are_interleaved_and_epochs_and_seeds_differ():
    orders = [
        epoch_order([500, 500], [500, 500], seed=seed, epoch=epoch)
        for seed, epoch in ((0, 0), (0, 1), (1, 0))
    ]
    for order in orders:
        assert 150 < order[:500, 0].sum() < 350
        assert np.corrcoef(order[order[:, 0] == 0, 1], np.arange(500))[0, 1] < 0.2
    for i in range(3):
        assert (orders[i] != orders[i - 1]).any(axis=1).mean() > 0.9
