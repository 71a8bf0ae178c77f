# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Intervals: how often they hold the truth, and what they depend on."""

from __future__ import annotations

import numpy as np
import pytest
from evaluation_cases import BDD100K, random_pair, result_of

from drivseg_ros.errors import ParameterError
from drivseg_ros.evaluation import bootstrap
from drivseg_ros.evaluation.bootstrap import MIN_GROUPS, interval
from drivseg_ros.evaluation.measured import Terms
from drivseg_ros.evaluation.metric import metrics_of
from drivseg_ros.evaluation.settings import BootstrapSettings, EvaluationSettings
from drivseg_ros.evaluation.sums import Sums

METRICS = [one for one in metrics_of(Terms(BDD100K, EvaluationSettings())) if one.of_counts]


def draw(groups: dict[str, Sums], settings: BootstrapSettings) -> dict[str, np.ndarray]:
    return bootstrap.draw(groups, BDD100K, METRICS, settings)


def world(random: np.random.Generator, drives: int) -> dict[str, Sums]:
    """Drives that are alike within and differ from each other, as (right, wrong) pixels."""
    found = {}
    for i in range(drives):
        skill = random.beta(8, 2)
        sums = Sums.zero(BDD100K)
        frames = int(random.integers(1, 6))
        right = int(random.binomial(1000 * frames, skill))
        sums.table[0, 0], sums.table[0, 2] = right, 1000 * frames - right
        found[f'drive {i}'] = sums
    return found


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    random = np.random.default_rng(1)
    settings = BootstrapSettings(draws=300)
    held = 0
    # The share of right pixels in this world is 0.8, by the mean of Beta(8, 2).
    for _ in range(300):
        drawn = draw(world(random, 40), settings)['pixel_accuracy']
        low, high = interval(drawn, settings.level) or (1, 0)
        held += low <= 0.8 <= high
    assert 0.88 <= held / 300 <= 0.98


def test_a_narrower_level_and_more_drives_make_it_narrower() -> None:
    random = np.random.default_rng(2)
    few = draw(world(random, 10), BootstrapSettings())['iou/direct']
    many = draw(world(random, 400), BootstrapSettings())['iou/direct']
    widths = [np.subtract(*(interval(d, level) or (0, 0))) for d, level in
              ((few, 0.95), (few, 0.5), (many, 0.95))]  # fmt: skip
    assert abs(widths[0]) > abs(widths[1]) > 0
    assert abs(widths[0]) > 3 * abs(widths[2]) > 0


def test_draws_depend_on_names_and_seed_alone() -> None:
    groups = world(np.random.default_rng(3), 12)
    first = draw(groups, BootstrapSettings(draws=250))
    turned = draw(dict(reversed(groups.items())), BootstrapSettings(draws=250))
    other = draw(groups, BootstrapSettings(draws=250, seed=1))
    assert len(first['miou']) == 250
    np.testing.assert_array_equal(first['miou'], turned['miou'])
    assert (first['miou'] != other['miou']).any()


def test_frames_of_one_drive_are_drawn_together() -> None:
    """Ten copies of a frame in one drive say no more than the frame."""
    groups = world(np.random.default_rng(4), 8)
    tenfold = {k: Sums.from_vector(10 * s.vector, BDD100K) for k, s in groups.items()}
    settings = BootstrapSettings(draws=200)
    np.testing.assert_allclose(draw(groups, settings)['miou'], draw(tenfold, settings)['miou'])


@pytest.mark.parametrize(('groups', 'draws'), [(MIN_GROUPS - 1, 1000), (20, 0)])
def test_too_few_groups_or_none_asked_for(groups: int, draws: int) -> None:
    assert not draw(world(np.random.default_rng(5), groups), BootstrapSettings(draws))


def test_the_draws_lie_round_the_value() -> None:
    result = result_of([random_pair(i) for i in range(30)])
    drawn = draw(result.groups, BootstrapSettings())['miou']
    low, high = interval(drawn, 0.95) or (1, 0)
    assert low < result.metrics['miou'].value < high


def test_a_metric_that_is_hardly_ever_defined_has_none() -> None:
    values = np.full(100, np.nan)
    values[:50] = 1
    assert interval(values, 0.95) is None
    values[50] = 1
    assert interval(values, 0.95) == (1, 1)


@pytest.mark.parametrize('changes', [{'draws': 5}, {'draws': 10**6}, {'level': 1}, {'seed': -1}])
def test_settings_that_are_refused(changes: dict) -> None:
    with pytest.raises(ParameterError):
        BootstrapSettings(**changes)
