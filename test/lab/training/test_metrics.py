# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Figures from labels that tell a part, counted again pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
from evaluation_cases import result_of
from hypothesis import given
from hypothesis import strategies as st

from drivseg_ros.frames.label_sets import LabelSets
from drivseg_ros.lab.training.metrics import PartialMetrics
from drivseg_ros.lab.training.recipe_parts import LANE_CLASSES
from drivseg_ros.model.card import BDD100K_CLASSES

SETS = LabelSets(4, (frozenset({0, 1, 2}), frozenset({2, 3})))


def count(labels, predictions, sets):
    counts = np.zeros((sets.num_codes, sets.num_classes), np.int64)
    np.add.at(counts, (labels, predictions), 1)
    return counts


def pixel_by_pixel(labels, predictions, group, sets):
    hits = misses = false = doubtful = negative = 0
    for label, prediction in zip(labels, predictions, strict=True):
        allowed = {label} if label < sets.num_classes else set(sets.sets[label - sets.num_classes])
        if allowed <= group:
            hits += prediction in group
            misses += prediction not in group
        elif not allowed & group:
            false += prediction in group
            negative += 1
        else:
            doubtful += 1
    if doubtful and not (hits + misses and negative):
        return float('nan')
    if not hits + misses + false:
        return float('nan')
    return hits / (hits + misses + false)


pairs = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=40)


@given(pairs, st.sets(st.integers(0, 3), min_size=1, max_size=3))
def test_groups_of_classes(pixels, group):
    labels, predictions = (np.array(c) for c in zip(*pixels, strict=True))
    found = PartialMetrics(count(labels, predictions, SETS), SETS).iou_of(sorted(group))
    wanted = pixel_by_pixel(labels.tolist(), predictions.tolist(), group, SETS)
    assert found == pytest.approx(wanted, nan_ok=True)


def test_whole_labels_give_the_ordinary_figures():
    rng = np.random.default_rng(0)
    label, prediction = rng.integers(0, 3, (2, 40, 30)).astype(np.uint8)
    evaluation = result_of([(label, prediction)])
    metrics = PartialMetrics(evaluation.total.table, LabelSets(3)).by_name(BDD100K_CLASSES)
    wanted = {name: evaluation.metrics[name.replace('iou_', 'iou/')].value for name in metrics}
    assert metrics == pytest.approx(wanted)
    assert len(metrics) == 3 + 3


def test_a_label_that_may_be_right_is_not_wrong():
    labels = np.array([4, 4, 4, 5, 5, 3])
    predictions = np.array([0, 1, 3, 3, 0, 3])
    metrics = PartialMetrics(count(labels, predictions, SETS), SETS).by_name(LANE_CLASSES)
    assert metrics['pixel_accuracy'] == pytest.approx(4 / 6)
    assert metrics['road_iou'] == pytest.approx(2 / 3)  # code 5 may be road and may be none
    assert np.isnan(metrics['drivable_iou']), 'nothing here is surely drivable'
    assert metrics['iou_background'] == pytest.approx(1 / 2)


def test_counts_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r'\(3, 3\).*\(6, 4\)'):
        PartialMetrics(np.zeros((3, 3), np.int64), SETS)
