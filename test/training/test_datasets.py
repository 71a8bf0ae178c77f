# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.training import datasets
from drivseg_ros.training.datasets import LabelledFolder
from drivseg_ros.training.split import Part
from drivseg_ros.training.targets import KITTI_ROAD, LANES

RED = np.full((6, 8, 3), (200, 10, 30), np.uint8)
LABEL = np.tile(np.array([0, 1, 2, 255, 0, 1, 2, 255], np.uint8), (6, 1))


def test_frames_come_sorted_selected_and_mapped(write_folder):
    images, labels = write_folder(dict.fromkeys(('b-2', 'a-1', 'c-3'), (RED, LABEL)))
    (images / 'notes.txt').write_text('no image')
    folder = LabelledFolder('set', images, labels, LANES, select=lambda stem: stem[0] != 'b')
    frames = list(folder.read())
    assert [name for name, _, _ in frames] == ['a-1', 'c-3']
    assert np.array_equal(frames[0][1], RED), 'RGB, not BGR'
    assert np.array_equal(frames[0][2], LABEL)


@pytest.mark.parametrize(
    ('image', 'label', 'mapping', 'message'),
    [
        pytest.param(RED, None, LANES, 'has no label at', id='no label'),
        pytest.param(None, LABEL, LANES, 'no frame is selected', id='no image'),
        pytest.param(RED, LABEL[:4], LANES, 'must have one size', id='sizes'),
        pytest.param(RED, LABEL, KITTI_ROAD, r'has the ids \[2\]', id='ids'),
        pytest.param(RED, RED, LANES, 'has 3 channels of uint8', id='colour label'),
        pytest.param(RED, LABEL.astype(np.uint16), LANES, 'has 1 channels of uint16', id='16 bits'),
    ],
)
def test_a_broken_folder_is_refused(write_folder, image, label, mapping, message):
    images, labels = write_folder({'a': (image, label)})
    with pytest.raises((DataError, ParameterError), match=message):
        list(LabelledFolder('set', images, labels, mapping).read())


@pytest.mark.parametrize('which', ['images', 'labels'])
def test_a_file_that_is_no_image_is_refused(write_folder, which):
    images, labels = write_folder({'a': (RED, LABEL)})
    ({'images': images, 'labels': labels}[which] / 'a.png').write_bytes(b'not a PNG')
    with pytest.raises(DataError, match=r'cannot be used|is no picture'):
        list(LabelledFolder('set', images, labels, LANES).read())


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(ParameterError, match='there is no folder'):
        LabelledFolder('set', tmp_path / 'images', tmp_path / 'labels', LANES)


def test_the_parts_of_bdd100k_are_disjoint_and_whole(shared_data):
    stems = {
        part: {image.stem for image, _ in datasets.bdd100k(shared_data, part).pairs()}
        for part in Part
    }
    everything = [p.stem for p in (shared_data / 'bdd100k_drivable' / 'images').iterdir()]
    assert sum(len(s) for s in stems.values()) == len(everything)
    assert set().union(*stems.values()) == set(everything)
    rides = {part: {stem.split('-')[0] for stem in s} for part, s in stems.items()}
    assert not rides[Part.HELD_OUT] & (rides[Part.TRAINING] | rides[Part.VALIDATION])


def test_no_training_source_holds_a_held_out_frame(shared_data):
    held_out = {image.stem for image, _ in datasets.bdd100k(shared_data, Part.HELD_OUT).pairs()}
    for folder in (
        datasets.bdd100k(shared_data, Part.TRAINING),
        datasets.pseudo_labelled(shared_data),
        datasets.kitti_road(shared_data),
        datasets.camvid(shared_data, 'train'),
    ):
        assert not held_out & {image.stem for image, _ in folder.pairs()}
        name, image, target = next(folder.read())
        assert name
        assert image.shape == (*target.shape, 3)
