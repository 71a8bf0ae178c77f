# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Masks beside images in one folder, as Roboflow exports them."""

from __future__ import annotations

import numpy as np
import pytest

from drivseg_ros.errors import DataError
from drivseg_ros.frames.paired_files import drives_of
from drivseg_ros.frames.pictures import open_pictures
from drivseg_ros.frames.registry import open_dataset, parts_of
from drivseg_ros.frames.split import Part
from drivseg_ros.model.card import Role

LABEL = np.tile(np.array([0, 3], np.uint8), (6, 4))
TABLE = 'Pixel Value, Class\n0, background\n3, road\n'


def export(write, suffix='jpg', table=TABLE):
    for part in ('train', 'valid'):
        for number in range(3):
            name = f'{part}{number // 2}_png.rf.{number:032x}'
            write.image(f'{part}/{name}.{suffix}', level=40 * number + len(part))
            write.ids(f'{part}/{name}_mask.png', LABEL)
        (write.root / part / '_classes.csv').write_text(table, encoding='utf-8')
    return write.root


@pytest.mark.parametrize('suffix', ['jpg', 'png'])
def test_an_export(write, suffix):
    root = export(write, suffix)
    assert parts_of('roboflow', root) == (Part.TRAINING, Part.VALIDATION)
    dataset = open_dataset('roboflow', root, part='training')
    assert len(dataset) == 3, 'masks are no images'
    assert dataset.unused_labels == ()
    assert [(c.name, c.role) for c in dataset.classes] == [
        ('background', Role.NONE), ('road', Role.DRIVABLE)
    ]  # fmt: skip
    assert np.array_equal(dataset[0].label, LABEL // 3)
    assert sorted(set(drives_of(dataset).values())) == ['train0_png', 'train1_png']
    assert len(open_dataset('roboflow', root)) == 6


def test_one_folder_of_an_export(write):
    root = export(write) / 'train'
    assert parts_of('roboflow', root) == ()
    assert len(open_dataset('roboflow', root)) == 3


def test_the_kind_folder_names_this_one(write):
    with pytest.raises(DataError, match=r'masks beside images such as .*; take the kind roboflow'):
        open_dataset('folder', export(write), classes=['a', 'b'])


def test_classes_of_ones_own(write):
    root = export(write)
    dataset = open_dataset('roboflow', root, classes=['a', 'b', 'c', 'way'])
    assert [c.name for c in dataset.classes] == ['a', 'b', 'c', 'way']
    assert np.array_equal(dataset[0].label, LABEL)


@pytest.mark.parametrize(
    'table',
    ['', 'Pixel Value, Class\n', 'a\nroad, 0\n', 'a\n0, a\n0, b\n', 'a\n0, a\n1, a\n', 'a\n1\n'],
)
def test_tables_that_are_none(write, table):
    with pytest.raises(DataError, match=r"classes '.*_classes.csv'"):
        open_dataset('roboflow', export(write, table=table))


@pytest.mark.parametrize('suffix', ['jpg', 'png'])
@pytest.mark.parametrize('ending', ['_mask', '_gt'])
def test_the_kind_folder_takes_one_folder_of_both(write, suffix, ending):
    for number in range(3):
        write.image(f'all/{number}.{suffix}', level=30 * number)
        write.ids(f'all/{number}{ending}.png', LABEL % 2)
    dataset = open_dataset(
        'folder', write.root, images='all', labels='all', label_suffix=ending, classes=['a', 'b']
    )
    assert dataset.names == ('0', '1', '2')
    assert np.array_equal(dataset[2].label, LABEL % 2)


def test_labels_beside_pictures_by_option(write):
    root = export(write, 'png') / 'train'
    (root / 'classes.yaml').write_text('[a, b, c, {name: road, role: drivable}]')
    dataset = open_pictures(root, labels=str(root))
    assert len(dataset) == 3
    assert np.array_equal(dataset[0].label, LABEL)


def test_an_image_is_not_its_own_label(write):
    write.image('all/a.png')
    with pytest.raises(DataError, match=r'1 of 1 images have no label: a.png wants .*all/a.png;'):
        open_dataset('folder', write.root, images='all', labels='all', classes=['a', 'b'])


def test_hidden_files_are_no_labels(write):
    write.image('images/a.jpg')
    write.ids('labels/a.png', LABEL % 2)
    for folder in ('images', 'labels'):
        for name in ('._a.png', '.a.png'):
            (write.root / folder / name).write_bytes(b'\0\5\x16\7')
    dataset = open_dataset('folder', write.root, classes=['a', 'b'])
    assert dataset.names == ('a',)
    assert dataset.unused_labels == ()
