# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.frames.class_mapping import create_mappings, map_classes
from drivseg_ros.model.card import BDD100K_CLASSES, ModelClass, Role


def classes(*names, **roles):
    return tuple(
        ModelClass(i, name, (i, i, i), roles.get(name, Role.NONE)) for i, name in enumerate(names)
    )


NETWORK = classes(
    *('direct', 'alternative', 'other_road', 'background'),
    direct=Role.DIRECT,
    alternative=Role.ALTERNATIVE,
    other_road=Role.ROAD,
)
KITTI = classes('not_road', 'road', road=Role.DRIVABLE)
CITY = classes('road', 'parking', 'sky', 'car', road=Role.DRIVABLE)


@pytest.mark.parametrize(
    ('source', 'mapping', 'expected'),
    [
        pytest.param(
            KITTI,
            {'road': ['direct', 'alternative', 'other_road'], 'not_road': 'background'},
            [{3}, {0, 1, 2}],
            id='one of several',
        ),
        pytest.param(
            CITY, {'*': 'background', 'road': ['direct']}, [{0}, {3}, {3}, {3}], id='the rest'
        ),
        pytest.param(
            CITY,
            {'role:none': 'background', 'role:drivable': 'direct', 'parking': None},
            [{0}, set(), {3}, {3}],
            id='roles, and a name before its role',
        ),
        pytest.param(
            KITTI,
            {'road': ['role:direct', 'role:road'], 'not_road': []},
            [set(), {0, 2}],
            id='roles of the network',
        ),
        pytest.param(BDD100K_CLASSES, None, [{0}, {1}, {3}], id='equal names'),
    ],
)
def test_classes_are_mapped(source, mapping, expected):
    assert map_classes(source, NETWORK, mapping) == tuple(map(frozenset, expected))


@pytest.mark.parametrize(
    ('source', 'mapping', 'message'),
    [
        (KITTI, None, r"\['not_road', 'road'\] of the data set are not among"),
        (KITTI, {'road': 'direct'}, r"says nothing of \['not_road'\]"),
        (KITTI, {'road': 'lane', '*': None}, "turns 'road' into 'lane', which is no class"),
        (KITTI, {'rode': 'direct', '*': None}, "names 'rode', which is no class of the data set"),
        (KITTI, {'role:path': 'direct', '*': None}, "'role:path' names no role"),
        (KITTI, {'role:direct': 'direct', '*': None}, "names 'role:direct', which is no class"),
        (KITTI, {'*': 'role:drivable'}, "into 'role:drivable', which is no class"),
        (KITTI, {3: 'direct', '*': None}, 'names 3, which is no class'),
        (KITTI, {'road': 5, '*': None}, "turns 'road' into 5; give a class, a list"),
        (KITTI, {'road': [5], '*': None}, "turns 'road' into 5, which is no class"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(source, mapping, message):
    with pytest.raises(ParameterError, match=message):
        map_classes(source, NETWORK, mapping)


def test_mappings_of_a_recipe_share_their_sets():
    kitti, lanes, same = create_mappings(
        [
            (KITTI, {'road': ['direct', 'alternative', 'other_road'], '*': 'background'}),
            (
                BDD100K_CLASSES,
                {
                    'direct': 'direct',
                    '*': 'alternative',
                    'background': ['background', 'other_road'],
                },
            ),
            (BDD100K_CLASSES, None),
        ],
        NETWORK,
    )
    assert kitti.sets == lanes.sets == same.sets
    assert kitti.sets.sets == (frozenset({0, 1, 2}), frozenset({2, 3}))
    label = np.array([[0, 1, 255], [2, 2, 0]], np.uint8)
    assert kitti.apply(label % 2 + (label == 255) * np.uint8(254)).tolist() == [
        [3, 4, 255],
        [3, 3, 3],
    ]
    assert lanes.apply(label).tolist() == [[0, 1, 255], [5, 5, 0]]
    assert same.apply(label).tolist() == [[0, 1, 255], [3, 3, 0]]
    assert same.apply(label).dtype == np.uint8


def test_all_classes_tell_nothing():
    (mapping,) = create_mappings([(KITTI, {'*': [c.name for c in NETWORK]})], NETWORK)
    assert mapping.apply(np.array([[0, 1]], np.uint8)).tolist() == [[255, 255]]
    assert mapping.sets.sets == ()


def test_an_error_says_which_data_set():
    with pytest.raises(ParameterError, match='data set 2 of 2'):
        create_mappings([(BDD100K_CLASSES, None), (KITTI, None)], NETWORK)


@pytest.mark.parametrize(
    ('label', 'message'),
    [
        (np.zeros((2, 2), np.int64), r'a label is int64 \[2, 2\]'),
        (np.zeros((2, 2, 1), np.uint8), r'a label is uint8 \[2, 2, 1\]'),
        (np.array([[0, 1, 2, 9]], np.uint8), r'has the ids \[2, 9\]; the classes are 0 not_road'),
    ],
)
def test_a_label_that_does_not_fit_is_refused(label, message):
    (mapping,) = create_mappings([(KITTI, {'*': 'background'})], NETWORK)
    with pytest.raises(DataError, match=message):
        mapping.apply(label)
