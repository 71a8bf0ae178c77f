# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The matrix against a reference written pixel by pixel, and the cases at the rim."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from drivseg_ros.evaluation.confusion_matrix import ConfusionMatrix

SHAPE = (5, 7)
LABELS = hnp.arrays(np.uint8, SHAPE, elements=st.sampled_from([0, 1, 2, 255]))
PREDICTIONS = hnp.arrays(np.uint8, SHAPE, elements=st.sampled_from([0, 1, 2]))


def reference_iou(pairs: list[tuple[int, int]], ids: set[int]) -> float:
    counted = [(a, b) for a, b in pairs if a != 255]
    union = sum(a in ids or b in ids for a, b in counted)
    hits = sum(a in ids and b in ids for a, b in counted)
    return hits / union if union else math.nan


@given(st.lists(st.tuples(LABELS, PREDICTIONS), min_size=1, max_size=4))
def test_equals_the_reference(images: list[tuple[np.ndarray, np.ndarray]]) -> None:
    matrix = ConfusionMatrix(3)
    pairs: list[tuple[int, int]] = []
    for label, prediction in images:
        matrix.update(label=label, prediction=prediction)
        pairs += zip(label.ravel().tolist(), prediction.ravel().tolist(), strict=True)
    expected = [reference_iou(pairs, {c}) for c in range(3)]
    np.testing.assert_allclose(matrix.iou_by_class, expected)
    np.testing.assert_allclose(matrix.iou_of([0, 1]), reference_iou(pairs, {0, 1}))
    known = [v for v in expected if not math.isnan(v)]
    np.testing.assert_allclose(matrix.miou, np.mean(known) if known else math.nan)
    counted = [a == b for a, b in pairs if a != 255]
    np.testing.assert_allclose(matrix.pixel_accuracy, np.mean(counted) if counted else math.nan)


def test_global_and_not_a_mean_of_images() -> None:
    """A small image counts for its pixels, not for one half."""
    matrix = ConfusionMatrix(2)
    matrix.update(label=np.zeros((10, 10), np.uint8), prediction=np.zeros((10, 10), np.uint8))
    matrix.update(label=np.zeros((1, 1), np.uint8), prediction=np.ones((1, 1), np.uint8))
    assert matrix.iou_by_class[0] == pytest.approx(100 / 101)


def test_merge_is_the_same_as_one() -> None:
    rng = np.random.default_rng(0)
    whole, parts = ConfusionMatrix(4), [ConfusionMatrix(4), ConfusionMatrix(4)]
    for i in range(6):
        label, prediction = rng.integers(0, 4, (2, 8, 8), np.uint8)
        whole.update(label=label, prediction=prediction)
        parts[i % 2].update(label=label, prediction=prediction)
    parts[0].merge(parts[1])
    np.testing.assert_array_equal(parts[0].counts, whole.counts)


@pytest.mark.parametrize(
    ('label', 'prediction', 'expected'),
    [
        (np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8), 'same height and width'),
        (np.full((2, 2), 3, np.uint8), np.zeros((2, 2), np.uint8), r'labels \[3\]'),
        (np.zeros((2, 2), np.uint8), np.full((2, 2), 7, np.uint8), r'predictions \[7\]'),
        (np.zeros((2, 2), np.uint8), np.full((2, 2), 255, np.uint8), r'predictions \[255\]'),
    ],
)
def test_refusals(label: np.ndarray, prediction: np.ndarray, expected: str) -> None:
    matrix = ConfusionMatrix(3)
    with pytest.raises(ValueError, match=expected):
        matrix.update(label=label, prediction=prediction)
    assert not matrix.counts.any()


@pytest.mark.parametrize('num_classes', [0, 256])
def test_number_of_classes(num_classes: int) -> None:
    with pytest.raises(ValueError, match='1 to 255'):
        ConfusionMatrix(num_classes)


def test_different_matrices_do_not_merge() -> None:
    with pytest.raises(ValueError, match='cannot be added'):
        ConfusionMatrix(2).merge(ConfusionMatrix(3))
