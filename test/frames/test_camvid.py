# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import cv2
import numpy as np
import pytest

from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.frames.camvid import CAMVID11_CLASSES, CAMVID_CLASSES, part_of_frame
from drivseg_ros.frames.registry import open_dataset
from drivseg_ros.frames.split import Part

OFFICIAL = {
    '0001TP_006690': Part.TRAINING,
    '0001TP_008520': Part.TRAINING,
    '0001TP_008550': Part.TEST,
    '0001TP_010380': Part.TEST,
    '0006R0_f00930': Part.TRAINING,
    '0016E5_00390': Part.TRAINING,
    '0016E5_07959': Part.VALIDATION,
    '0016E5_08159': Part.VALIDATION,
    '0016E5_08190': Part.TRAINING,
    'Seq05VD_f00000': Part.TEST,
}

# A few of the authors' colours, and what SegNet made of them.
SAMPLES = [
    ('Road', (128, 64, 128), 'road'),
    ('LaneMkgsDriv', (128, 0, 192), 'road'),
    ('Sidewalk', (0, 0, 192), 'pavement'),
    ('TrafficLight', (0, 64, 64), 'sign'),
    ('SUVPickupTruck', (64, 128, 192), 'car'),
    ('Child', (192, 128, 64), 'pedestrian'),
    ('MotorcycleScooter', (192, 0, 192), 'bicyclist'),
    ('VegetationMisc', (192, 192, 0), 'tree'),
    ('Tunnel', (64, 0, 64), 'building'),
]
COLORS = [color for _, color, _ in SAMPLES] + [(0, 0, 0)]


def write_official(write, images='701_StillsRaw_full', labels='LabeledApproved_full'):
    for name in OFFICIAL:
        write.image(f'{images}/{name}.png', size=(10, 2))
        write.colors(f'{labels}/{name}_L.png', [COLORS] * 2)
    return write.root


@pytest.mark.parametrize(('number', 'place'), [(32, 0), (11, 2)])
def test_the_authors_colours_in_either_set_of_classes(write, number, place):
    dataset = open_dataset('camvid', write_official(write), classes=number)
    names = [c.name for c in dataset.classes]
    label = dataset[0].label
    assert [names[i] for i in label[0, :-1]] == [sample[place] for sample in SAMPLES]
    assert label[1, -1] == 255, 'Void is unlabelled'
    assert len(dataset) == 10
    assert len(names) == (31 if number == 32 else 11)


def test_parts_are_those_of_segnets_lists(write):
    assert {name: part_of_frame(name) for name in OFFICIAL} == OFFICIAL
    root = write_official(write, 'images', 'labels')
    for part in (Part.TRAINING, Part.VALIDATION, Part.TEST):
        dataset = open_dataset('camvid', root, part=part, images='images', labels='labels')
        assert set(dataset.names) == {n for n, p in OFFICIAL.items() if p is part}
        assert dataset.unused_labels == ()


def test_the_rule_agrees_with_the_lists_of_the_frames_here(shared_data):
    for folder, part in (('train', Part.TRAINING), ('val', Part.VALIDATION)):
        stems = [f.stem for f in (shared_data / 'camvid' / folder / 'images').iterdir()]
        assert {part_of_frame(stem) for stem in stems} == {part}


def test_segnets_layout(write):
    for part, names in {'train': ['0006R0_f00930'], 'val': ['a'], 'test': ['b', 'c']}.items():
        for name in names:
            write.image(f'{part}/{name}.png', size=(12, 2))
            write.ids(f'{part}annot/{name}.png', [range(12)] * 2)
    dataset = open_dataset('camvid_segnet', write.root)
    assert dataset.names == ('0006R0_f00930', 'a', 'b', 'c')
    assert dataset[1].label[0].tolist() == [*range(11), 255], '11 is unlabelled'
    assert dataset.classes == CAMVID11_CLASSES
    assert open_dataset('camvid_segnet', write.root, part='test').names == ('b', 'c')


def test_the_table_is_whole():
    assert len({c.color for c in CAMVID_CLASSES}) == 31
    assert [c.name for c in CAMVID11_CLASSES] == [
        *('sky', 'building', 'pole', 'road', 'pavement', 'tree', 'sign', 'fence', 'car'),
        *('pedestrian', 'bicyclist'),
    ]


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        ({'classes': 12}, ParameterError, 'no 12 classes; 32 or 11'),
        ({'part': 'held out'}, ParameterError, 'it has training, validation, test'),
        ({'images': 'none'}, DataError, 'there is no folder'),
        ({'labels': 'none'}, DataError, 'wants .*none/0001TP_006690_L.png'),
    ],
)
def test_what_is_not_there_is_named(write, options, error, message):
    with pytest.raises(error, match=message):
        open_dataset('camvid', write_official(write), **options)


@pytest.mark.parametrize('name', ['0002TP_000001', '0001TP', 'Seq05VD_fx'])
def test_a_strangers_frame_is_refused(write, name):
    root = write_official(write)
    write.image(f'701_StillsRaw_full/{name}.png')
    with pytest.raises(DataError, match=f"'{name}' is no frame of it"):
        open_dataset('camvid', root)


def test_blended_colours_are_stray(write):
    root = write_official(write)
    half = cv2.resize(np.array([COLORS] * 2, np.uint8), (21, 2), interpolation=cv2.INTER_LINEAR)
    write.image('701_StillsRaw_full/0001TP_006690.png', size=(21, 2))
    write.colors('LabeledApproved_full/0001TP_006690_L.png', half)
    with pytest.raises(DataError, match='stray colours'):
        open_dataset('camvid', root)[0]
