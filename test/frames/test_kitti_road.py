# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.frames.kitti_road import block_of
from drivseg_ros.frames.registry import open_dataset, parts_of
from drivseg_ros.model.card import Role

ROAD, NOT_ROAD, OUTSIDE, BLUE = (255, 0, 255), (255, 0, 0), (0, 0, 0), (0, 0, 255)
ROAD_ROW = [ROAD, NOT_ROAD, OUTSIDE, BLUE, NOT_ROAD, ROAD]
LANE_ROW = [NOT_ROAD, ROAD, OUTSIDE, NOT_ROAD, NOT_ROAD, NOT_ROAD]


def write_frames(write, count=1):
    for category in ('um', 'umm', 'uu'):
        for i in range(count):
            write.image(f'training/image_2/{category}_{i:06d}.png', size=(6, 2))
            write.colors(f'training/gt_image_2/{category}_road_{i:06d}.png', [ROAD_ROW] * 2)
            if category == 'um':
                write.colors(f'training/gt_image_2/um_lane_{i:06d}.png', [LANE_ROW] * 2)
    write.image('testing/image_2/um_000000.png')
    return write.root


def by_the_kit(row):
    """As the benchmark's kit does it: blue above 0 is road, red above 0 is evaluated."""
    rgb = np.array([row] * 2)
    return np.where(rgb[..., 0] > 0, rgb[..., 2] > 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ('kind', 'row', 'names', 'role'),
    [
        ('kitti_road', ROAD_ROW, ('um_000000', 'umm_000000', 'uu_000000'), Role.DRIVABLE),
        ('kitti_lane', LANE_ROW, ('um_000000',), Role.DIRECT),
    ],
)
def test_the_colours_are_those_of_the_kit(write, kind, row, names, role):
    dataset = open_dataset(kind, write_frames(write))
    assert dataset.names == names
    assert np.array_equal(dataset[0].label, by_the_kit(row))
    assert dataset.classes[1].role is role
    assert dataset.unused_labels == ()


def test_neighbours_stay_together(write):
    root = write_frames(write, count=30)
    assert parts_of('kitti_road', root) == ()
    seen = {}
    for part in ('training', 'validation', 'held out'):
        dataset = open_dataset('kitti_road', root, part=part)
        for name in dataset.names:
            seen.setdefault(name[:-1], set()).add(part)
        assert np.array_equal(dataset[0].label, by_the_kit(ROAD_ROW))
    assert len(seen) == 9
    assert all(len(parts) == 1 for parts in seen.values())
    halves = {'training': 0.5, 'validation': 0.5}
    assert len(open_dataset('kitti_road', root, part='val', shares=halves, seed=4)) in (40, 50)


def test_blocks_of_ten():
    assert [block_of(n) for n in ('um_000009', 'um_000010', 'uu_000099', 'odd')] == [
        'um_0',
        'um_1',
        'uu_9',
        'odd',
    ]


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        ({'part': 'test'}, ParameterError, 'is split into training, validation, held out'),
        ({'part': 'val', 'shares': {'val': 'x'}}, ParameterError, 'each must be a number'),
        ({'part': 'val', 'shares': [1]}, ParameterError, 'give {training: 0.8'),
        ({'part': 'val', 'shares': {'train': 0.9}}, ParameterError, 'there is no part'),
        ({'part': 'val'}, DataError, '3 frames of 3 drives leave nothing'),
        ({'limit': 0}, ParameterError, 'a number of frames from 1'),
    ],
)
def test_a_part_that_cannot_be_is_refused(write, options, error, message):
    with pytest.raises(error, match=message):
        open_dataset('kitti_road', write_frames(write), **options)


def test_other_colours_are_stray(write):
    root = write_frames(write)
    write.colors('training/gt_image_2/uu_road_000000.png', [[(254, 0, 255)] * 6] * 2)
    with pytest.raises(DataError, match=r'stray colours: \(254, 0, 255\) \(12 pixels\)'):
        open_dataset('kitti_road', root)[2]


@pytest.mark.parametrize(
    ('missing', 'message'),
    [
        ('training/image_2', 'there is no folder'),
        ('training/gt_image_2', '3 of 3 images have no label: um_000000.png wants .*um_road_'),
    ],
)
def test_missing_folders_are_named(write, missing, message):
    root = write_frames(write)
    (root / missing).rename(root / 'elsewhere')
    with pytest.raises(DataError, match=message):
        open_dataset('kitti_road', root)


def test_images_of_another_kind_are_refused(write):
    write.image('training/image_2/000000_10.png')
    with pytest.raises(DataError, match='has no image named um or umm or uu_NUMBER'):
        open_dataset('kitti_road', write.root)
