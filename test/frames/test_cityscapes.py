# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.frames.cityscapes import CITYSCAPES_CATEGORIES, CITYSCAPES_CLASSES
from drivseg_ros.frames.registry import open_dataset
from drivseg_ros.lab.importing.card_file import find_card, read_card

# By hand from the authors' table: label id, train id, category.
ROWS = [
    (0, 255, 'void'), (3, 255, 'void'), (6, 255, 'void'), (7, 0, 'flat'), (8, 1, 'flat'),
    (9, 255, 'flat'), (10, 255, 'flat'), (11, 2, 'construction'), (12, 3, 'construction'),
    (13, 4, 'construction'), (14, 255, 'construction'), (16, 255, 'construction'),
    (17, 5, 'object'), (18, 255, 'object'), (19, 6, 'object'), (20, 7, 'object'),
    (21, 8, 'nature'), (22, 9, 'nature'), (23, 10, 'sky'), (24, 11, 'human'), (25, 12, 'human'),
    (26, 13, 'vehicle'), (27, 14, 'vehicle'), (28, 15, 'vehicle'), (29, 255, 'vehicle'),
    (30, 255, 'vehicle'), (31, 16, 'vehicle'), (32, 17, 'vehicle'), (33, 18, 'vehicle'),
]  # fmt: skip
LABEL_IDS = np.array([[row[0] for row in ROWS]] * 2, np.uint8)
TRAIN_IDS = np.array([[row[1] for row in ROWS]] * 2, np.uint8)


def write_frames(write, *forms):
    for part, names in {
        'train': ('aachen_000000_000019', 'aachen_000001_000019', 'bochum_000000_000313'),
        'val': ('munster_000000_000019',),
    }.items():
        for name in names:
            city = name.split('_')[0]
            write.image(f'leftImg8bit/{part}/{city}/{name}_leftImg8bit.png', size=(len(ROWS), 2))
            stem = f'gtFine/{part}/{city}/{name}_gtFine_'
            write.colors(f'{stem}color.png', np.zeros((2, len(ROWS), 3)))
            if 'labelIds' in forms:
                write.ids(f'{stem}labelIds.png', LABEL_IDS)
            if 'labelTrainIds' in forms:
                write.ids(f'{stem}labelTrainIds.png', TRAIN_IDS)
    return write.root


@pytest.mark.parametrize('form', ['labelIds', 'labelTrainIds'])
def test_nineteen_classes_from_either_form(write, form):
    root = write_frames(write, form)
    for options in ({}, {'labels': form}):
        dataset = open_dataset('cityscapes', root, **options)
        assert len(dataset) == 4
        assert dataset.names[0] == 'aachen_000000_000019'
        assert np.array_equal(dataset[3].label, TRAIN_IDS)
    assert open_dataset('cityscapes', root, part='val').names == ('munster_000000_000019',)
    assert {p.group for p in dataset.pairs} == {'aachen', 'bochum', 'munster'}
    assert dataset.unused_labels == ()


def test_eight_categories(write):
    root = write_frames(write, 'labelIds')
    dataset = open_dataset('cityscapes_categories', root, part='train')
    names = [CITYSCAPES_CATEGORIES[i].name for i in dataset[0].label[1]]
    assert names == [row[2] for row in ROWS]
    assert len(CITYSCAPES_CATEGORIES) == 8


def test_the_classes_are_those_of_the_ready_card():
    card = read_card(find_card('cityscapes19'))
    assert [(c.name, c.color, c.role) for c in CITYSCAPES_CLASSES] == [
        (c.name, c.color, c.role) for c in card.classes
    ]
    assert [c.id for c in CITYSCAPES_CLASSES] == list(range(19))


@pytest.mark.parametrize(
    ('kind', 'forms', 'options', 'error', 'message'),
    [
        ('cityscapes', (), {}, DataError, 'images have no label.*labelTrainIds.png'),
        ('cityscapes', ('labelIds',), {'labels': 'color'}, ParameterError, "no labels 'color'"),
        ('cityscapes', ('labelIds',), {'part': 'test'}, ParameterError, "no part 'test'"),
        ('cityscapes_categories', ('labelTrainIds',), {}, DataError, 'wants .*labelIds.png'),
        ('cityscapes_categories', ('labelIds',), {'labels': 'x'}, ParameterError, 'no option'),
    ],
)
def test_what_is_not_there_is_named(write, kind, forms, options, error, message):
    root = write_frames(write, *forms)
    with pytest.raises(error, match=message):
        open_dataset(kind, root, **options)


def test_a_folder_without_cities_is_refused(tmp_path):
    with pytest.raises(DataError, match='has no folders of cities'):
        open_dataset('cityscapes', tmp_path)


@pytest.mark.parametrize('stray', [34, 254])
def test_ids_outside_the_table_are_stray(write, stray):
    root = write_frames(write, 'labelIds')
    path = 'gtFine/val/munster/munster_000000_000019_gtFine_labelIds.png'
    write.ids(path, np.where(LABEL_IDS == 7, stray, LABEL_IDS))
    with pytest.raises(DataError, match=rf'stray values: {stray} \(2 pixels\).*0 to 33'):
        open_dataset('cityscapes', root, part='val')[0]
