# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from drivseg_ros.errors import ParameterError
from drivseg_ros.training.targets import (
    ANY_DRIVABLE,
    BACKGROUND,
    CAMVID,
    KITTI_ROAD,
    LANES,
    TargetMapping,
)

# Data set, label ids as its README lists them, targets.
TABLE = [
    (LANES, [0, 1, 2, 255], [0, 1, 2, 255]),
    (KITTI_ROAD, [0, 1, 255], [BACKGROUND, ANY_DRIVABLE, 255]),
    (CAMVID, [0, 1, 2, 3, 4, 5], [2, 2, 2, ANY_DRIVABLE, 2, 2]),
    (CAMVID, [6, 7, 8, 9, 10, 255], [2, 2, 2, 2, 2, 255]),
]


@pytest.mark.parametrize(('mapping', 'ids', 'targets'), TABLE)
def test_labels_become_targets(mapping, ids, targets):
    label = np.tile(np.array(ids, np.uint8), (3, 1))
    target = mapping.apply(label)
    assert target.dtype == np.uint8
    assert target.tolist() == [targets] * 3


@pytest.mark.parametrize(
    ('mapping', 'label', 'message'),
    [
        (LANES, np.full((2, 2), 3, np.uint8), r'has the ids \[3\]; the mapping knows'),
        (KITTI_ROAD, np.array([[0, 2, 254]], np.uint8), r'has the ids \[2, 254\]'),
        (CAMVID, np.full((2, 2), 11, np.uint8), r'has the ids \[11\]'),
        (LANES, np.zeros((2, 2), np.int32), 'int32'),
        (LANES, np.zeros((2, 2, 3), np.uint8), r'\[2, 2, 3\]'),
    ],
)
def test_a_label_the_mapping_does_not_know_is_refused(mapping, label, message):
    with pytest.raises(ParameterError, match=message) as error:
        mapping.apply(label)
    assert mapping.name in str(error.value)


@pytest.mark.parametrize(
    ('targets', 'message'),
    [
        ({}, 'is empty'),
        ({0: 3}, 'turns 0 into 3'),
        ({0: -1}, 'turns 0 into -1'),
        ({256: 0}, 'label id 256'),
        ({-1: 0}, 'label id -1'),
    ],
)
def test_a_mapping_that_makes_no_sense_is_refused(targets, message):
    with pytest.raises(ParameterError, match=message):
        TargetMapping('mine', targets)
