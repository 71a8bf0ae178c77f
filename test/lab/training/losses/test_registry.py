# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import numpy as np
import pytest

from drivseg_ros.errors import ParameterError
from drivseg_ros.frames.label_sets import LabelSets

torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")

from drivseg_ros.lab.training.losses import (  # noqa: E402
    LOSSES,
    balanced_weights,
    class_shares,
    create_loss,
    needs_class_shares,
)

BALANCED = {'name': 'weighted_cross_entropy', 'weights': 'balanced'}
GENERATOR = torch.Generator().manual_seed(0)
LOGITS = torch.randn(2, 3, 6, 6, generator=GENERATOR)
TARGET = torch.randint(0, 3, (2, 6, 6), generator=GENERATOR)


@pytest.mark.parametrize('name', sorted(set(LOSSES) - {'weighted_cross_entropy'}))
def test_a_name_and_a_mapping_are_the_same(name):
    values = [create_loss(spec)(LOGITS, TARGET) for spec in (name, {'name': name}, [name])]
    assert values[0] == values[1] == values[2]


def test_a_sum_is_weighted():
    parts = {name: float(create_loss(name)(LOGITS, TARGET)) for name in ('focal', 'dice')}
    spec = [{'name': 'focal', 'weight': 2}, {'name': 'dice', 'weight': 0.5}]
    wanted = 2 * parts['focal'] + 0.5 * parts['dice']
    assert float(create_loss(spec)(LOGITS, TARGET)) == pytest.approx(wanted)
    alone = create_loss({'name': 'dice', 'weight': 3})
    assert float(alone(LOGITS, TARGET)) == pytest.approx(3 * parts['dice'])


def test_balanced_weights_come_from_the_shares():
    shares = (0.12, 0.05, 0.83)
    assert needs_class_shares(['dice', BALANCED])
    assert not needs_class_shares(['dice', {**BALANCED, 'weights': [1, 1, 1]}])
    written = {**BALANCED, 'weights': [1 / math.log(1.02 + s) for s in shares]}
    ours = create_loss(BALANCED, class_shares=shares)(LOGITS, TARGET)
    torch.testing.assert_close(ours, create_loss(written)(LOGITS, TARGET))


def test_rare_classes_weigh_more():
    weights = balanced_weights((0.0, 0.05, 0.95))
    assert weights[0] > weights[1] > weights[2]
    assert weights[0] == pytest.approx(50.5, abs=0.05)
    assert balanced_weights((1.0,))[0] == pytest.approx(1.42, abs=0.01)


@pytest.mark.parametrize(
    ('pixels', 'sets', 'shares'),
    [
        ([10, 30, 60], (), [0.1, 0.3, 0.6]),
        ([10, 30, 40, 20], ({0, 1},), [0.15, 0.45, 0.4]),
        ([0, 0, 40, 60], ({0, 1},), [0.3, 0.3, 0.4]),
        ([10, 30, 60, *[0] * 252, 900], (), [0.1, 0.3, 0.6]),
    ],
)
def test_shares(pixels, sets, shares):
    label_sets = LabelSets(3, tuple(map(frozenset, sets)))
    np.testing.assert_allclose(class_shares(pixels, label_sets), shares)


@pytest.mark.parametrize(
    ('pixels', 'message'),
    [
        ([1, 2], 'one number of at least 0'),
        ([1, 2, -3], 'one number'),
        ([0, 0, 0], 'labelled'),
        ([0, 0, 0, *[0] * 252, 9], 'labelled'),
    ],
)
def test_counts_that_are_none(pixels, message):
    with pytest.raises(ParameterError, match=message):
        class_shares(pixels, LabelSets(3))


@pytest.mark.parametrize(
    ('spec', 'message'),
    [
        ('dise', "no loss 'dise'; there are cross_entropy"),
        (7, 'the loss is 7'),
        ([], r'the loss is \[\]'),
        (None, 'the loss is None'),
        ({'gamma': 2}, 'has no name'),
        ([3], 'the loss 3 has no name'),
        ({'name': ['dice']}, 'there is no loss'),
        ({'name': 'dice', 'gamma': 2}, "no argument 'gamma'; it takes smooth, groups, weight"),
        ({'name': 'dice', 'smooth': 'much'}, "the loss dice: smooth is 'much'; a number from 0"),
        ({'name': 'dice', 'weight': -1}, 'the weight of the loss dice is -1'),
        ({'name': 'dice', 'weight': float('nan')}, 'is nan'),
        ({'name': 'dice', 'weight': True}, 'is True'),
        ({'name': 'dice', 'weight': 0}, 'the weight 0; leave it out'),
        ({'name': 'focal', 'gamma': -0.5}, 'gamma is -0.5'),
        ({'name': 'focal', 'alpha': [1, 'a']}, 'alpha is'),
        ({'name': 'tversky', 'alpha': 0, 'beta': 0}, 'both 0'),
        ({'name': 'dice', 'groups': []}, r'groups is \[\]'),
        ({'name': 'dice', 'groups': [0, 1]}, r'groups is \[0, 1\]'),
        ({'name': 'lovasz', 'groups': [[0], []]}, 'groups is'),
        ({'name': 'lovasz', 'groups': [['road']]}, 'groups is'),
        ({'name': 'tversky', 'groups': [[1, 1]]}, 'groups is'),
        ({'name': 'tversky', 'groups': [[-1]]}, 'groups is'),
        ({'name': 'tversky', 'groups': 'road'}, "groups is 'road'"),
        ('weighted_cross_entropy', 'needs weights'),
        ({'name': 'weighted_cross_entropy', 'weights': 'fair'}, "weights is 'fair'"),
        ({'name': 'weighted_cross_entropy', 'weights': [1, -1]}, r'weights is \[1, -1\]'),
        ({'name': 'weighted_cross_entropy', 'weights': [0, 0]}, r'weights is \[0, 0\]'),
        ({'name': 'weighted_cross_entropy', 'weights': [1, float('inf')]}, 'weights is'),
        ({'name': 'weighted_cross_entropy', 'weights': [1, 1e39]}, 'from 0 to 1e'),
        ({'name': 'weighted_cross_entropy', 'weights': 3}, 'weights is 3'),
        (
            {'name': 'weighted_cross_entropy', 'weights': [1], 'class_shares': [1]},
            "no argument 'class_shares'",
        ),
        (BALANCED, 'class shares of the training set'),
    ],
    ids=str,
)
def test_what_is_refused(spec, message):
    with pytest.raises(ParameterError, match=message):
        create_loss(spec)


def test_shares_that_are_none():
    with pytest.raises(ParameterError, match=r'sum to 0\.4'):
        create_loss(BALANCED, class_shares=(0.2, 0.2))


def test_counts_are_left_as_they_are():
    counts = np.ones(256)
    class_shares(counts, LabelSets(3))
    assert (counts == 1).all()


def test_weights_of_other_classes_are_refused():
    loss = create_loss({'name': 'weighted_cross_entropy', 'weights': [1, 2]})
    with pytest.raises(ParameterError, match='2 class weights are given for 3 classes'):
        loss(LOGITS, TARGET)


@pytest.mark.parametrize('group', [[3], [0, 1, 2]], ids=str)
def test_groups_of_other_classes_or_of_all_are_refused(group):
    with pytest.raises(ParameterError, match='some of these, not all'):
        create_loss({'name': 'dice', 'groups': [[0], group]})(LOGITS, TARGET)


def test_weights_follow_the_loss_to_its_device_and_file():
    loss = create_loss({'name': 'focal', 'alpha': [1, 2, 3]})
    assert [tuple(b.shape) for b in loss.buffers()] == [(3,)]
