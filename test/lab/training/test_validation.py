# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Sums over the validation frames: the same however the frames are cut into batches."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip('torch', reason='training needs torch')

from drivseg_ros.frames.label_sets import LabelSets  # noqa: E402
from drivseg_ros.lab.training.recipe_parts import LANE_CLASSES  # noqa: E402
from drivseg_ros.lab.training.validation import ValidationSums, join_metrics  # noqa: E402

SETS = LabelSets(4, (frozenset({0, 1, 2}), frozenset({2, 3})))


@pytest.fixture
def frames():
    rng = np.random.default_rng(3)
    logits = torch.from_numpy(rng.normal(size=(6, 4, 9, 7)).astype(np.float32))
    target = rng.choice([0, 1, 2, 3, 4, 5, 255], size=(6, 9, 7)).astype(np.uint8)
    return logits.softmax(1), target


def sums(probabilities, target, batch):
    made = ValidationSums(SETS, torch.device('cpu'))
    for start in range(0, len(target), batch):
        part = slice(start, start + batch)
        made.update(probabilities[part], torch.from_numpy(target[part]))
    return made


def test_the_dice_loss_class_by_class(frames):
    probabilities, target = frames
    p = probabilities.double().numpy()
    losses = []
    for c in range(4):
        unsure = np.isin(target, [4 + i for i, one in enumerate(SETS.sets) if c in one])
        counted = (target != 255) & ~unsure
        truth = target == c
        right = p[:, c][truth].sum()
        losses.append(2 * right / (p[:, c][counted].sum() + truth.sum()))
    assert sums(probabilities, target, 6).dice_loss == pytest.approx(1 - np.mean(losses), abs=1e-6)


def test_batches_make_no_difference(frames):
    whole = sums(*frames, 6).metrics(LANE_CLASSES)
    for batch in (1, 2, 4):
        assert sums(*frames, batch).metrics(LANE_CLASSES) == pytest.approx(whole, abs=1e-12)


def test_a_perfect_answer_has_no_loss():
    target = np.array([[[0, 1, 2, 3]]], np.uint8)
    made = sums(torch.eye(4).T.reshape(1, 4, 1, 4), target, 1)
    metrics = made.metrics(LANE_CLASSES)
    assert metrics['dice_loss'] == pytest.approx(0)
    assert metrics['miou'] == metrics['road_iou'] == 1


def test_nothing_labelled_says_nothing():
    made = sums(torch.full((1, 4, 2, 2), 0.25), np.full((1, 2, 2), 255, np.uint8), 1)
    assert all(np.isnan(v) for v in made.metrics(LANE_CLASSES).values())


def test_several_sets_keep_their_figures():
    joined = join_metrics({'a': {'dice_loss': 0.2, 'miou': 0.5}, 'b': {'dice_loss': 0.4}})
    assert joined == pytest.approx(
        {'dice_loss': 0.3, 'a/dice_loss': 0.2, 'a/miou': 0.5, 'b/dice_loss': 0.4}
    )


def test_a_set_that_settles_nothing_has_no_part_in_the_mean():
    losses = {'a': 0.2, 'b': np.nan, 'c': 0.4}
    joined = join_metrics({name: {'dice_loss': v} for name, v in losses.items()})
    assert joined['dice_loss'] == pytest.approx(0.3)
    assert np.isnan(joined['b/dice_loss'])
    assert np.isnan(join_metrics({n: {'dice_loss': np.nan} for n in 'ab'})['dice_loss'])
