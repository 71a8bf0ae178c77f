# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.frames.registry import open_dataset, parts_of
from drivseg_ros.frames.split import Part

FRAMES = {'train': ('aaa-1', 'aaa-2', 'bbb-1'), 'val': ('ccc-9',)}
DIRECT, ALTERNATIVE, BACKGROUND = (219, 94, 86), (86, 211, 219), (0, 0, 0)


def write_frames(write, *forms, frames=FRAMES):
    """The official layout; columns of direct, alternative, alternative, background."""
    for part, names in frames.items():
        for name in names:
            write.image(f'images/100k/{part}/{name}.jpg')
            if 'masks' in forms:
                write.ids(f'labels/drivable/masks/{part}/{name}.png', [[0, 1, 1, 2] * 2] * 6)
            if 'colormaps' in forms:
                row = [DIRECT, ALTERNATIVE, ALTERNATIVE, BACKGROUND] * 2
                write.colors(f'labels/drivable/colormaps/{part}/{name}.png', [row] * 6)
            if 'drivable_maps' in forms:
                path = f'drivable_maps/labels/{part}/{name}_drivable_id.png'
                write.ids(path, [[1, 2, 2, 0] * 2] * 6)
    return write.root


EXPECTED = np.array([[0, 1, 1, 2] * 2] * 6, np.uint8)


@pytest.mark.parametrize('form', ['masks', 'colormaps', 'drivable_maps'])
@pytest.mark.parametrize('labels', ['auto', 'named'])
def test_every_form_of_the_labels_is_label_type_a(write, form, labels):
    root = write_frames(write, form)
    dataset = open_dataset('bdd100k', root, labels=form if labels == 'named' else 'auto')
    assert dataset.names == ('aaa-1', 'aaa-2', 'bbb-1', 'ccc-9')
    assert [c.name for c in dataset.classes] == ['direct', 'alternative', 'background']
    for i in range(4):
        assert np.array_equal(dataset[i].label, EXPECTED)
        assert np.array_equal(dataset.label_only(i), EXPECTED)
        assert dataset[i].image.shape == (6, 8, 3)


def test_parts_are_the_authors(write):
    root = write_frames(write, 'masks')
    assert open_dataset('bdd100k', root, part='train').names == FRAMES['train']
    assert open_dataset('bdd100k', root, part='validation').names == FRAMES['val']
    assert parts_of('bdd100k', root) == (Part.TRAINING, Part.VALIDATION)
    assert {p.group for p in open_dataset('bdd100k', root).pairs} == {'aaa', 'bbb', 'ccc'}


def test_a_copy_with_one_part_only_is_enough(write):
    root = write_frames(write, 'masks', frames={'val': ('ccc-9',)})
    assert open_dataset('bdd100k', root).names == ('ccc-9',)


@pytest.mark.parametrize(
    ('forms', 'options', 'error', 'message'),
    [
        ((), {}, DataError, 'has none of labels/drivable/masks'),
        (('masks',), {'labels': 'rles'}, ParameterError, "no labels 'rles'; allowed are auto"),
        (('masks',), {'labels': 'colormaps'}, DataError, '4 of 4 images have no label'),
        (('masks',), {'part': 'test'}, ParameterError, "no part 'test' with labels here"),
        (('masks',), {'shares': {'train': 1}}, ParameterError, "no option 'shares'"),
    ],
)
def test_what_is_not_there_is_named(write, forms, options, error, message):
    root = write_frames(write, *forms)
    with pytest.raises(error, match=message):
        open_dataset('bdd100k', root, **options)


def test_a_missing_label_is_named(write):
    root = write_frames(write, 'masks')
    (root / 'labels/drivable/masks/train/aaa-2.png').unlink()
    with pytest.raises(
        DataError, match=r'1 of 4 images have no label: aaa-2.jpg wants .*aaa-2.png'
    ):
        open_dataset('bdd100k', root)


def test_the_first_releases_labels_in_the_new_folder_are_seen_by_their_values(write):
    root = write_frames(write, 'masks')
    write.ids('labels/drivable/masks/val/ccc-9.png', [[0, 1, 3] * 2] * 6)
    with pytest.raises(DataError, match=r'ccc-9.png.* stray values: 3 \(12 pixels\)'):
        open_dataset('bdd100k', root, part='val')[0]
