# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Label maps: the known ones say what the data sets' readers say, and bad ones are refused."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.frames.camvid import CAMVID11_CLASSES, CAMVID_CLASSES
from drivseg_ros.frames.cityscapes import CITYSCAPES_CATEGORIES, CITYSCAPES_CLASSES
from drivseg_ros.frames.kitti_road import KITTI_LANE_CLASSES, KITTI_ROAD_CLASSES
from drivseg_ros.frames.known_labels import KNOWN_LABELS, read_labels
from drivseg_ros.frames.labels import Labels
from drivseg_ros.frames.matching import Area, areas_of
from drivseg_ros.model.card import BDD100K_CLASSES, UNLABELLED, ModelClass, Role

DRIVABLE = ModelClass(1, 'drivable', (46, 204, 113), Role.DRIVABLE)
KNOWN = {
    'bdd100k': (BDD100K_CLASSES, {0: 0, 1: 1, 2: 2}),
    'bdd100k_first_release': (BDD100K_CLASSES, {0: 2, 1: 0, 2: 1}),
    'drivable': ((ModelClass(0, 'not_drivable', (0, 0, 0)), DRIVABLE), {0: 0, 1: 1}),
    'kitti_road': (KITTI_ROAD_CLASSES, {0: 0, 1: 1}),
    'kitti_lane': (KITTI_LANE_CLASSES, {0: 0, 1: 1}),
    'camvid': (CAMVID_CLASSES, {c.id: c.id for c in CAMVID_CLASSES}),
    'camvid11': (CAMVID11_CLASSES, {c.id: c.id for c in CAMVID11_CLASSES} | {11: UNLABELLED}),
    # The authors' table: 7 road, 23 sky, 33 bicycle; 9 parking and 29 caravan do not count.
    'cityscapes': (CITYSCAPES_CLASSES, {7: 0, 23: 10, 33: 18, 9: UNLABELLED, 29: UNLABELLED}),
    'cityscapes_train_ids': (CITYSCAPES_CLASSES, {c.id: c.id for c in CITYSCAPES_CLASSES}),
    'cityscapes_categories': (CITYSCAPES_CATEGORIES, {0: 0, 7: 1, 9: 1, 23: 5, 33: 7}),
}


def test_every_known_map_is_here_and_in_the_docs() -> None:
    assert set(KNOWN_LABELS) == set(KNOWN)
    told = (Path(__file__).parents[2] / 'docs/evaluating.md').read_text()
    assert set(KNOWN) <= set(re.findall(r'`([a-z0-9_]+)`', told))


@pytest.mark.parametrize('name', KNOWN)
def test_known_maps(name: str) -> None:
    found = read_labels(name)
    classes, values = KNOWN[name]
    assert found.classes == classes
    assert found.truth == areas_of(classes)
    label = np.array([[*values, UNLABELLED]], np.uint8)
    assert found.apply(label).tolist() == [[*values.values(), UNLABELLED]]


def test_a_map_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / 'mine.yaml'
    path.write_text(
        'truth: [road]\nunlabelled: [9]\nclasses:\n'
        '  - {name: rest, values: [0, 3]}\n  - {name: street, values: [1, 2], role: drivable}\n'
    )
    found = read_labels(path)
    assert found.truth == (Area.ROAD,)
    label = np.array([[0, 1, 2, 3, 9, 255]], np.uint8)
    assert found.apply(label).tolist() == [[0, 1, 1, 0, 255, 255]]
    with pytest.raises(
        DataError, match=r'values: 4 .2 pixels., 8 .1 pixel.; mine has 0 to 3, 9, 255'
    ):
        found.apply(np.array([[0, 4, 8, 4]], np.uint8))


def test_the_truth_that_is_written_down_stands(tmp_path: Path) -> None:
    """A class called road is read as the whole road, unless the file says otherwise."""
    text = 'classes: [{name: rest}, {name: road, role: drivable}]\n'
    (tmp_path / 'a.yaml').write_text(text)
    (tmp_path / 'b.yaml').write_text(f'{text}truth: [drivable]\n')
    assert read_labels(tmp_path / 'a.yaml').truth == (Area.ROAD,)
    assert read_labels(tmp_path / 'b.yaml').truth == (Area.DRIVABLE,)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('[1, 2]', 'give a list of names or'),
        ('klasses: []', 'must have the keys'),
        ('classes: road', 'give a list of'),
        ('classes: [road]', 'give a list of'),
        ('classes: [{name: a, values: 3}]', "class 'a' .* list of whole numbers"),
        ('classes: [{name: a, values: [x]}]', 'list of whole numbers'),
        ('classes: [{name: a, values: [256]}]', '0 to 255 are allowed'),
        ('classes: [{name: a, values: []}]', 'no class has a value'),
        (
            'classes: [{name: a, values: []}, {name: b}]',
            r"classes \['a'\] have no value",
        ),
        ('classes: [{name: a, values: [1]}, {name: b, values: [1]}]', "1 is both 'a' and 'b'"),
        ('{classes: [{name: a, values: [1]}], unlabelled: [1]}', 'a class and unlabelled'),
        ('{classes: [{name: a, values: [255]}], unlabelled: [255]}', 'a class and unlabelled'),
        ('{classes: [{name: a}], truth: [lake]}', 'give a list of drivable, road, ego_lane'),
        ('{classes: [{name: a}], truth: [road]}', 'no class of it has such a role'),
        ('classes: [{name: a, role: lake}]', 'class 0 is not valid'),
        ('classes: [', 'cannot be read'),
    ],
)
def test_maps_that_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / 'mine.yaml'
    path.write_text(text)
    with pytest.raises(ParameterError, match=message):
        read_labels(path)


@pytest.mark.parametrize('name', ['kitti', 'labels.txt', 'not_there.yaml'])
def test_maps_that_are_not_there(name: str) -> None:
    with pytest.raises(ParameterError, match=r'known are bdd100k.* and no model|cannot be read'):
        read_labels(name)


def test_255_may_be_the_value_of_a_class(tmp_path: Path) -> None:
    """Some nodes publish binary masks as 0 and 255."""
    path = tmp_path / 'binary.yaml'
    path.write_text('classes: [{name: rest, values: [0]}, {name: road, values: [255]}]\n')
    found = read_labels(str(path))
    assert found.apply(np.array([[0, 255]], np.uint8)).tolist() == [[0, 1]]
    with pytest.raises(DataError, match=r'the mask has stray values: 7 '):
        found.apply(np.array([[0, 7]], np.uint8), what='the mask')


def test_masks_may_have_the_classes_of_a_model(tiny_model: Path) -> None:
    assert read_labels(str(tiny_model)).classes == BDD100K_CLASSES
    assert read_labels('kitti_road').classes == KITTI_ROAD_CLASSES
    with pytest.raises(ParameterError, match=r'known are bdd100k,.* and no model: no model is'):
        read_labels('kitti')


def test_values_are_checked_in_python_too() -> None:
    with pytest.raises(ParameterError, match='0 to 255'):
        Labels('x', (ModelClass(0, 'a', (0, 0, 0)),), {0: 0, 300: 0})
