# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from drivseg_ros.errors import ParameterError
from drivseg_ros.frames.check import check_dataset
from drivseg_ros.frames.registry import open_dataset, parts_of
from drivseg_ros.frames.split import Part, part_of


def test_the_bdd100k_frames_have_the_shares_of_the_literature(shared_data):
    root = shared_data / 'bdd100k_drivable'
    parts = [open_dataset('shared_bdd100k', root, part=p) for p in parts_of('shared_bdd100k', root)]
    result = check_dataset(parts, images=False)
    assert result.ok
    assert [round(100 * s, 1) for s in result.total.shares] == [12.6, 5.4, 82.0]
    assert result.total.frames == 337
    assert result.total.notes == ()
    for dataset, part in zip(parts, (Part.TRAINING, Part.VALIDATION, Part.HELD_OUT), strict=True):
        assert {part_of(name) for name in dataset.names} == {part}


def test_by_lane_and_drivable_are_the_same_polygons(shared_data):
    root = shared_data / 'bdd100k_drivable'
    lanes = open_dataset('shared_bdd100k', root, limit=3)
    drivable = open_dataset('shared_bdd100k', root, limit=3, labels='labels')
    assert lanes.names == drivable.names
    for i in range(3):
        assert np.array_equal(lanes.label_only(i) < 2, drivable.label_only(i) == 1)
    with pytest.raises(ParameterError, match="no labels 'lanes'"):
        open_dataset('shared_bdd100k', root, labels='lanes')


@pytest.mark.parametrize(
    ('kind', 'folder', 'frames', 'classes'),
    [
        ('shared_kitti', 'kitti_road', 197, ['not_road', 'road']),
        ('shared_camvid', 'camvid', 468, None),
        ('shared_frames', 'frames', 685, ['direct', 'alternative', 'background']),
    ],
)
def test_the_other_folders(shared_data, kind, folder, frames, classes):
    dataset = open_dataset(kind, shared_data / folder)
    assert len(dataset) == frames
    if classes:
        assert [c.name for c in dataset.classes] == classes
    few = check_dataset([open_dataset(kind, shared_data / folder, limit=5)])
    assert few.ok
    assert few.total.unlabelled_share < 0.2


def test_no_training_frame_is_held_out(shared_data):
    held_out = open_dataset(
        'shared_bdd100k', shared_data / 'bdd100k_drivable', part='held out'
    ).names
    for kind, folder, part in (
        ('shared_bdd100k', 'bdd100k_drivable', 'training'),
        ('shared_bdd100k', 'bdd100k_drivable', 'validation'),
        ('shared_frames', 'frames', None),
    ):
        assert not set(held_out) & set(open_dataset(kind, shared_data / folder, part=part).names)
