# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Labels meet their predictions by stamp, in whatever order they come."""

from __future__ import annotations

import numpy as np
import pytest

from drivseg_ros.errors import DrivsegError
from drivseg_ros.evaluation.label_matcher import LabelMatcher


def plane(value: int) -> np.ndarray:
    return np.full((2, 2), value, np.uint8)


@pytest.mark.parametrize('label_first', [True, False])
def test_any_order(label_first: bool) -> None:
    matcher = LabelMatcher(3)
    steps = [
        lambda s: matcher.add_label(s, plane(s % 3)),
        lambda s: matcher.add_prediction(s, plane(s % 3)),
    ]
    for step in steps if label_first else steps[::-1]:
        for stamp in (3, 1, 2):
            step(stamp)
    assert matcher.matched == 3
    assert matcher.matrix.counts.tolist() == (4 * np.eye(3, dtype=int)).tolist()
    assert (matcher.unmatched_labels, matcher.unmatched_predictions) == (0, 0)


def test_what_never_meets_is_counted_and_given_up() -> None:
    matcher = LabelMatcher(3)
    for stamp in range(1000):
        matcher.add_label(stamp, plane(0))
    for stamp in range(2000, 2100):
        matcher.add_prediction(stamp, plane(0))
    assert matcher.matched == 0
    assert (matcher.unmatched_labels, matcher.unmatched_predictions) == (1000, 100)
    matcher.add_prediction(999, plane(0))
    assert matcher.matched == 1
    matcher.add_prediction(5, plane(0))  # its label was given up long ago
    assert matcher.matched == 1


@pytest.mark.parametrize('label', [np.zeros((3, 3), np.uint8), plane(77)])
def test_a_label_that_does_not_fit(label: np.ndarray) -> None:
    matcher = LabelMatcher(3)
    matcher.add_label(5, label)
    with pytest.raises(DrivsegError, match='the label with the stamp 5 ns does not fit'):
        matcher.add_prediction(5, plane(0))


def test_classes_of_a_network_that_answer_those_of_the_labels():
    matcher = LabelMatcher(2, answers=(1, 0, 1))
    matcher.add_label(1, np.array([[0, 1, 1, 255]], np.uint8))
    matcher.add_prediction(1, np.array([[1, 0, 2, 2]], np.uint8))
    assert matcher.matrix.counts.tolist() == [[1, 0], [0, 2]]
    matcher.add_label(2, np.array([[0]], np.uint8))
    with pytest.raises(DrivsegError, match='beyond 0 to 1'):
        matcher.add_prediction(2, np.array([[3]], np.uint8))
