# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
import pickle
import shutil

import numpy as np
import pytest

from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.frames.folder import classes_named
from drivseg_ros.frames.registry import KINDS, open_dataset, parts_of
from drivseg_ros.frames.split import Part
from drivseg_ros.model.card import BDD100K_CLASSES, Role

LABEL = np.tile(np.array([0, 1, 2, 255], np.uint8), (6, 2))


def write_frames(write, names=('b10', 'b9', 'a'), *, images='images', labels='labels', **suffixes):
    for i, name in enumerate(names):
        write.image(f'{images}/{name}{suffixes.get("image", "")}.png', level=10 + i)
        write.ids(f'{labels}/{name}{suffixes.get("label", "")}.png', LABEL)
    return write.root


def test_a_plain_folder(write):
    root = write_frames(write)
    (root / 'images' / 'notes.txt').write_text('no image')
    write.ids('labels/left_over.png', LABEL)
    dataset = open_dataset('folder', root, classes='bdd100k')
    assert dataset.names == ('a', 'b9', 'b10'), 'in the order in which people number'
    assert [dataset[i].image[0, 0, 0] for i in range(3)] == [12, 11, 10]
    assert np.array_equal(dataset[0].label, LABEL)
    assert dataset.classes == BDD100K_CLASSES
    assert [f.name for f in dataset.unused_labels] == ['left_over.png']
    assert pickle.loads(pickle.dumps(dataset)).names == dataset.names


def test_suffixes_and_further_unlabelled_numbers(write):
    root = write_frames(write, images='rgb', labels='gt', image='_rgb', label='_gt')
    write.ids('gt/a_gt.png', [[0, 1, 2, 77] * 2] * 6)
    write.image('rgb/a_depth.png')
    dataset = open_dataset(
        *('folder', root), classes=['x', 'y', 'z'], images='rgb', labels='gt',
        image_suffix='_rgb', label_suffix='_gt', unlabelled=[77],
    )  # fmt: skip
    assert dataset.names == ('a', 'b9', 'b10')
    assert np.array_equal(dataset[0].label, LABEL)


def test_parts_in_folders(write):
    for part in ('train', 'val'):
        write_frames(
            write, [f'{part}1', f'{part}2'], images=f'images/{part}', labels=f'labels/{part}'
        )
    assert parts_of('folder', write.root) == (Part.TRAINING, Part.VALIDATION)
    names = open_dataset('folder', write.root, classes='bdd100k', part='val').names
    assert names == ('val1', 'val2')
    assert len(open_dataset('folder', write.root, classes='bdd100k')) == 4
    with pytest.raises(ParameterError, match='shares are for sets without parts'):
        open_dataset('folder', write.root, classes='bdd100k', shares={'train': 1})


def test_parts_without_labels_are_left_out(write):
    write_frames(write, ['a'], images='rgb/train', labels='gt/train')
    write.image('rgb/test/b.png')
    options = {'classes': 'bdd100k', 'images': 'rgb', 'labels': 'gt'}
    assert parts_of('folder', write.root, **options) == (Part.TRAINING,)
    assert open_dataset('folder', write.root, **options).names == ('a',)
    with pytest.raises(ParameterError, match="no part 'test' with labels here"):
        open_dataset('folder', write.root, part='test', **options)
    shutil.rmtree(write.root / 'gt')
    with pytest.raises(DataError, match=r'1 of 1 images have no label: a\.png'):
        open_dataset('folder', write.root, part='train', **options)


def test_suffixes_may_be_in_capitals(write):
    root = write_frames(write, ['a'])
    for folder in ('images', 'labels'):
        (root / folder / 'a.png').rename(root / folder / 'a.PNG')
    assert np.array_equal(open_dataset('folder', root, classes='bdd100k')[0].label, LABEL)


def test_a_link_that_leads_nowhere_is_a_fault(write):
    root = write_frames(write, ['a', 'b'])
    (root / 'images' / 'a.png').unlink()
    (root / 'images' / 'a.png').symlink_to(root / 'nowhere.png')
    dataset = open_dataset('folder', root, classes='bdd100k')
    assert dataset.names == ('a', 'b')
    with pytest.raises(DataError, match=r'a\.png.* cannot be read'):
        dataset[0]


def test_parts_by_seed_keep_drives_together(write):
    names = [f'drive{d}_{i}' for d in range(10) for i in range(3)]
    root = write_frames(write, names)
    options = {'classes': 'bdd100k', 'group': r'drive(\d+)_'}
    parts = [open_dataset('folder', root, part=p, **options) for p in ('train', 'val', 'held_out')]
    assert [len(p) for p in parts] == [24, 3, 3]
    drives = [{pair.group for pair in p.pairs} for p in parts]
    assert sorted(d for found in drives for d in found) == sorted(map(str, range(10)))
    assert 'seed 0' in parts[0].name


def test_a_limit_is_fixed_and_grows(write):
    root = write_frames(write, [f'f{i}' for i in range(20)])
    few, more = (
        open_dataset('folder', root, classes='bdd100k', limit=limit).names for limit in (4, 9)
    )
    assert (len(few), len(more)) == (4, 9)
    assert set(few) < set(more)
    assert few != open_dataset('folder', root, classes='bdd100k', limit=4, seed=1).names
    assert len(open_dataset('folder', root, classes='bdd100k', limit=99)) == 20


def test_identity_is_of_the_frames_and_not_of_the_place(write, tmp_path):
    root = write_frames(write)
    first = open_dataset('folder', root, classes='bdd100k')
    shutil.copytree(root, tmp_path / 'copy')
    assert open_dataset('folder', tmp_path / 'copy', classes='bdd100k').identity == first.identity
    others = [
        open_dataset('folder', root, classes=['x', 'y', 'z']),
        open_dataset('folder', root, classes='bdd100k', limit=2),
        open_dataset('folder', root, classes='bdd100k', unlabelled=[9]),
    ]
    write.image('images/a.png', size=(8, 7))
    others.append(open_dataset('folder', root, classes='bdd100k'))
    assert len({d.identity for d in (first, *others)}) == 5


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        (
            {},
            ParameterError,
            'does not say its classes: give its option classes',
        ),
        ({'classes': 'kitti'}, ParameterError, "no classes 'kitti'; known are bdd100k"),
        ({'classes': []}, ParameterError, 'at least one'),
        ({'classes': ['a', 'a']}, ParameterError, 'each with its own name'),
        ({'classes': [{'color': [1, 2, 3]}]}, ParameterError, r'give a name, or \{name, color'),
        ({'classes': [{'name': 'a', 'role': 'x'}]}, ParameterError, 'class 0 is not valid: .*role'),
        ({'classes': [{'name': 'a', 'color': 7}]}, ParameterError, 'class 0 has the color 7; give'),
        ({'classes': [{'name': 'a', 'color': 'red'}]}, ParameterError, 'class 0 is not valid'),
        ({'classes': 'bdd100k', 'group': '('}, ParameterError, 'is no regular expression'),
        ({'classes': 'bdd100k', 'group': 'x(.)'}, ParameterError, "finds nothing in .* 'a'"),
        ({'classes': 'bdd100k', 'group': '(x)?'}, ParameterError, "finds nothing in .* 'a'"),
        ({'classes': 'bdd100k', 'images': 'rgb'}, DataError, 'there is no folder .*rgb'),
        ({'classes': 'bdd100k', 'labels': 'gt'}, DataError, '3 of 3 images have no label: a.png'),
        ({'classes': 'bdd100k', 'image_suffix': '_x'}, DataError, r'holds no image \(\*_x.jpg'),
        ({'classes': 'bdd100k', 'colour': 1}, ParameterError, "no option 'colour'; its options"),
        ({'classes': 3}, ParameterError, 'classes are 3; give a list'),
        ({'classes': [3]}, ParameterError, r'classes are \[3\]; give a list'),
        ({'classes': 'bdd100k', 'images': 3}, ParameterError, 'images = 3; give text'),
        ({'classes': 'bdd100k', 'seed': 'x'}, ParameterError, "seed = 'x'; give a whole number"),
        ({'classes': 'bdd100k', 'unlabelled': 11}, ParameterError, 'give a list of numbers'),
        ({'classes': 'bdd100k', 'shares': {'train': 1}}, ParameterError, 'say which part'),
        ({'classes': 'bdd100k', 'shares': 3}, ParameterError, 'shares are 3; give'),
        (
            {'classes': 'bdd100k', 'shares': {'train': 0.5, 'training': 1}},
            ParameterError,
            'a part is there under two names',
        ),
        ({'classes': 'bdd100k', 'root': 'x', 'kind': 'y'}, ParameterError, "no option 'root'"),
        ({'classes': 'bdd100k', 'part': 'night'}, ParameterError, "no part 'night'"),
    ],
)
def test_options_that_do_not_fit_are_refused(write, options, error, message):
    with pytest.raises(error, match=message):
        open_dataset('folder', write_frames(write), **options)


@pytest.mark.parametrize(
    ('kind', 'root', 'error', 'message'),
    [
        ('bdd10k', '.', ParameterError, "no data set of the kind 'bdd10k'; the kinds are bdd100k"),
        ('bdd100k', None, ParameterError, 'is in a folder; give its root'),
        ('bdd100k', 'nowhere', DataError, 'there is no folder nowhere'),
        ('scenes', '.', ParameterError, 'scenes is in no folder; leave out the root'),
    ],
)
def test_a_data_set_that_is_none_is_refused(kind, root, error, message):
    with pytest.raises(error, match=message):
        open_dataset(kind, root)


def test_frames_that_do_not_fit_are_named(write):
    root = write_frames(write)
    write.ids('labels/a.png', LABEL[:4])
    (root / 'images' / 'b9.png').write_bytes(b'no PNG')
    write.colors('labels/b10.png', np.ones((6, 8, 3)))
    dataset = open_dataset('folder', root, classes='bdd100k')
    with pytest.raises(DataError, match=r"a.png' is 8x6, its label .*a.png' 8x4"):
        dataset[0]
    with pytest.raises(DataError, match=r'b9\.png'):
        dataset[1]
    with pytest.raises(DataError, match=r'b10\.png.* has stray colours'):
        dataset[2]
    with pytest.raises(IndexError):
        dataset[3]


def test_two_frames_of_one_name_are_refused(write):
    root = write_frames(write, ['a'])
    (root / 'images' / 'a.jpg').write_bytes((root / 'images' / 'a.png').read_bytes())
    with pytest.raises(DataError, match=r'2 images go by the name of the label .*a\.png'):
        open_dataset('folder', root, classes='bdd100k')


def test_classes_of_ones_own():
    lane, rest = classes_named([{'name': 'lane', 'color': [1, 2, 3], 'role': 'direct'}, 'rest'])
    assert (lane.id, lane.color, lane.role) == (0, (1, 2, 3), Role.DIRECT)
    assert (rest.id, rest.name, rest.role) == (1, 'rest', Role.NONE)


def test_scenes():
    dataset = open_dataset('scenes', seeds=[7, 9], width=64, height=48)
    assert dataset.names == ('scene_7', 'scene_8')
    sample = dataset[1]
    assert sample.image.shape == (48, 64, 3)
    assert set(np.unique(sample.label)) <= {0, 1, 2}
    assert np.array_equal(dataset.label_only(1), sample.label)
    parts = [open_dataset('scenes', part=p) for p in ('train', 'val', 'held out')]
    assert sum(map(len, parts)) == len({n for p in parts for n in p.names})
    assert len({d.identity for d in (dataset, *parts)}) == 4
    assert open_dataset('scenes', limit=2).names == ('scene_0', 'scene_1')
    assert dataclasses.replace(dataset).identity == dataset.identity


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'seeds': [3]}, 'give .first, behind the last'),
        ({'seeds': '1:2'}, 'give .first, behind the last'),
        ({'seeds': [5, 5]}, 'name no scenes'),
        ({'seeds': [-2, 5]}, 'name no scenes'),
        ({'seeds': [1, 2], 'part': 'train'}, 'not both'),
        ({'part': 'test'}, "no part 'test'"),
        ({'limit': -3}, 'limit is -3'),
        ({'every': 3}, "no option 'every'"),
        ({'width': '640'}, "width = '640'; give a whole number"),
    ],
)
def test_scenes_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ParameterError, match=message):
        open_dataset('scenes', **options)


def test_every_kind_says_what_it_is():
    for name, kind in KINDS.items():
        assert kind.name == name
        assert kind.summary
        assert kind.options
