# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from drivseg_ros.errors import ParameterError
from drivseg_ros.frames.label_sets import LabelSets


def test_codes_are_classes_then_sets():
    sets = LabelSets(4, (frozenset({0, 1, 2}), frozenset({2, 3})))
    assert sets.num_codes == 6
    expected = [
        [1, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 1, 0],
        [0, 0, 0, 1],
        [1, 1, 1, 0],
        [0, 0, 1, 1],
    ]
    assert sets.table().dtype == bool
    assert np.array_equal(sets.table(), np.array(expected, bool))


@pytest.mark.parametrize(
    ('classes', 'code'),
    [([2], 2), ([1, 0, 2], 4), ((3, 2), 5), ([], 255), ([0, 1, 2, 3], 255)],
)
def test_code_of_a_combination(classes, code):
    assert LabelSets(4, ({0, 1, 2}, {2, 3})).code(classes) == code


def test_of_keeps_what_needs_a_code_in_one_order():
    wanted = [[2, 3], [1], [], [0, 1, 2, 3], [0, 2, 1], [3, 2]]
    first = LabelSets.of(4, wanted)
    assert first.sets == (frozenset({0, 1, 2}), frozenset({2, 3}))
    assert LabelSets.of(4, reversed(wanted)) == first
    assert all(first.code(w) is not None for w in wanted)


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        pytest.param(lambda: LabelSets(0), 'at least 1', id='no class'),
        pytest.param(lambda: LabelSets(True), 'at least 1', id='no number'),
        pytest.param(lambda: LabelSets(3, ({1},)), 'has 1 of 3 classes', id='one class'),
        pytest.param(lambda: LabelSets(3, ({0, 1, 2},)), 'has 3 of 3', id='all classes'),
        pytest.param(lambda: LabelSets(3, ({1, 3},)), 'there are 0 to 2', id='no such class'),
        pytest.param(lambda: LabelSets(3, ({0, 1}, {1, 0})), 'there twice', id='twice'),
        pytest.param(lambda: LabelSets(255, ({0, 1},)), 'more codes', id='too many'),
        pytest.param(lambda: LabelSets(3).code([0, 1]), r'\[0, 1\] is not among', id='no code'),
        pytest.param(lambda: LabelSets(3).code([7]), r'\[7\] is not among', id='stranger'),
    ],
)
def test_what_has_no_code_is_refused(make, message):
    with pytest.raises(ParameterError, match=message):
        make()
