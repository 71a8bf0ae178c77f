# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The order of frames: a function of seed and epoch, shared out among processes."""

from __future__ import annotations

import pytest

pytest.importorskip('torch', reason='training needs torch')

from drivseg_ros.errors import ParameterError
from drivseg_ros.lab.training.order import EpochOrder


def order(**changes):
    options = {'seed': 1, 'batch': 4, **changes}
    return EpochOrder([10, 5], [10, 8], **options)


def test_an_epoch_is_a_function_of_seed_and_epoch():
    first = list(order())
    assert first == list(order())
    assert len(first) == len(order()) == 16  # 18, and no incomplete batch
    again = order()
    again.set_epoch(1)
    assert list(again) == list(order(epoch=1)) != first
    assert list(order(seed=2)) != first
    assert {(d.source, d.frame) for d in list(order(batch=2))} >= {(0, i) for i in range(10)}


def test_no_two_views_have_one_seed():
    seeds = [d.seed for e in range(3) for d in order(epoch=e)]
    assert len(set(seeds)) == len(seeds)


@pytest.mark.parametrize('world', [1, 2, 3])
def test_processes_share_an_epoch_out(world):
    parts = [list(order(batch=2, rank=rank, world=world)) for rank in range(world)]
    assert {len(part) for part in parts} == {18 // (2 * world) * 2}
    joined = [draw for step in zip(*parts, strict=True) for draw in step]
    assert joined == list(order(batch=2))[: len(joined)]


def test_an_epoch_without_a_whole_step_is_refused():
    with pytest.raises(ParameterError, match=r'18 frames.*10 on each of 2'):
        order(batch=10, world=2)
