# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from drivseg_ros.cli.app import app
from drivseg_ros.errors import DrivsegError
from drivseg_ros.frames.check import check_dataset
from drivseg_ros.frames.registry import open_dataset

ROWS = {'aaa-1': [0, 0, 1, 2], 'aaa-2': [2, 2, 2, 2], 'bbb-1': [0, 2, 2, 255]}


def write_frames(write, part='train', rows=ROWS, first_level=10):
    for level, (name, row) in enumerate(rows.items(), first_level):
        write.image(f'images/100k/{part}/{name}.jpg', level=level * 2)
        write.ids(f'labels/drivable/masks/{part}/{name}.png', [row * 2] * 6)
    return write.root


def drivseg(*arguments):
    return CliRunner().invoke(app, list(map(str, arguments)), env={'COLUMNS': '200'})


def check(root, *arguments, kind='bdd100k'):
    result = drivseg('dataset', 'check', kind, root, '--json', '-', *arguments)
    assert result.exit_code in (0, 1), result.exception
    report = json.loads(result.stdout)
    assert report['ok'] == (result.exit_code == 0)
    return report


def test_shares_are_of_the_labelled_pixels(write):
    root = write_frames(write)
    write_frames(write, 'val', {'ccc-1': [1, 1, 1, 1]}, first_level=40)
    report = check(root)
    train, val = report['parts']
    labels = np.array(list(ROWS.values()))
    assert train['pixels'] == {
        name: int((labels == i).sum()) * 12
        for i, name in enumerate(('direct', 'alternative', 'background'))
    }
    assert train['shares']['direct'] == pytest.approx(3 / 11)
    assert train['unlabelled_share'] == pytest.approx(1 / 12)
    assert train['frames_with'] == {'direct': 2, 'alternative': 1, 'background': 3}
    assert (train['drives'], val['drives']) == (2, 1)
    assert train['sizes'] == {'8x6': 3}
    assert report['total']['shares']['alternative'] == pytest.approx(5 / 15)
    assert report['total']['frames'] == 4
    assert val['notes'] == ['bdd100k (validation): no pixel is direct, background']


FAULTS = [
    pytest.param(
        lambda w: w.ids('labels/drivable/masks/train/aaa-2.png', [[7] * 8] * 6),
        'aaa-2',
        'stray values: 7 (48 pixels)',
        id='stray value',
    ),
    pytest.param(
        lambda w: w.ids('labels/drivable/masks/train/bbb-1.png', [[0] * 8] * 5),
        'bbb-1',
        'they must have one size',
        id='sizes',
    ),
    pytest.param(
        lambda w: (w.root / 'images/100k/train/aaa-1.jpg').write_bytes(b'\xff\xd8\xff'),
        'aaa-1',
        'aaa-1.jpg',
        id='broken image',
    ),
    pytest.param(
        lambda w: w.colors('labels/drivable/masks/train/aaa-1.png', np.ones((6, 8, 3))),
        'aaa-1',
        'has stray colours: (1, 1, 1)',
        id='colours',
    ),
    pytest.param(
        lambda w: write_frames(w, 'val', {'aaa-1': [1, 1, 1, 1]}),
        'aaa-1',
        'the frame aaa-1 is in bdd100k (training) and bdd100k (validation)',
        id='in two parts',
    ),
    pytest.param(
        lambda w: write_frames(w, 'val', {'ccc-7': [1, 1, 1, 1]}),
        'aaa-1',
        'aaa-1 and ccc-7 are one picture, in bdd100k (training) and bdd100k (validation)',
        id='twins in two parts',
    ),
]


@pytest.mark.parametrize(('spoil', 'frame', 'text'), FAULTS)
def test_a_fault_is_named_with_its_frame(write, spoil, frame, text):
    root = write_frames(write)
    assert check(root)['ok']
    spoil(write)
    faults = check(root)['total']['faults']
    assert [f['frame'] for f in faults] == [frame]
    assert text in faults[0]['fault']
    shown = drivseg('dataset', 'check', 'bdd100k', root)
    assert shown.exit_code == 1
    assert text in shown.stdout
    assert 'faults: 1' in shown.stdout


def test_missing_labels_are_named(write):
    root = write_frames(write)
    (root / 'labels/drivable/masks/train/aaa-2.png').unlink()
    report = check(root)
    assert report['total']['frames'] == 2, 'the others are read all the same'
    [fault] = report['total']['faults']
    assert fault['frame'] == 'aaa-2'
    assert fault['fault'].startswith('no label: aaa-2.jpg wants ')
    shown = drivseg('dataset', 'check', 'bdd100k', root)
    assert 'fault: no label: aaa-2.jpg' in shown.stdout
    assert 'frames' in shown.stdout, 'the table is there'
    for file in (root / 'labels/drivable/masks/train').iterdir():
        file.with_suffix('.txt').write_text('0 0.1 0.2 0.3 0.4')
        file.unlink()
    shown = drivseg('dataset', 'check', 'bdd100k', root)
    assert isinstance(shown.exception, DrivsegError), 'main prints it and exits 1'
    assert 'aaa-1.txt is no label: ids must come as .png' in str(shown.exception)


def write_binary(write, values, count=2):
    for number in range(count):
        write.image(f'images/{number}.png', level=10 + number)
        write.ids(f'labels/{number}.png', [values] * 6)
    (write.root / 'classes.yaml').write_text('[background, {name: road, role: drivable}]')
    return write.root


@pytest.mark.parametrize(
    ('values', 'warned'),
    [
        ([0, 0, 255, 255] * 2, True),
        ([1, 1, 255, 255] * 2, True),
        ([255] * 8, True),
        ([0, 1, 255, 255] * 2, False),
        ([0] * 8, False),
    ],
)
def test_a_class_that_may_be_written_as_255(write, values, warned):
    notes = check(write_binary(write, values), kind='folder')['total']['notes']
    assert any('if 255 is a class, say so' in note for note in notes) == warned


def test_255_is_a_class_where_a_label_map_says_so(write, tmp_path):
    root = write_binary(write, [0, 0, 255, 255] * 2)
    (tmp_path / 'map.yaml').write_text(
        'classes: [{name: other, values: [0]}, {name: road, values: [255], role: drivable}]'
    )
    option = f'classes={tmp_path / "map.yaml"}'
    report = check(root, '--option', option, kind='folder')
    assert report['total']['shares'] == {'other': 0.5, 'road': 0.5}
    assert not any('255' in note for note in report['total']['notes'])


def test_turned_images_are_noted_and_labels_that_are_not_are_faults(write):
    root = write_binary(write, [0, 1] * 4, count=3)
    for number, orientation in enumerate((1, 3, 6)):
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(np.full((6, 8, 3), 20 * number, np.uint8)).save(
            root / f'images/{number}.png', exif=exif
        )
    total = check(root, kind='folder')['total']
    assert any('turned as their EXIF orientation says' in n and n.endswith('viewers do: 1')
               for n in total['notes'])  # fmt: skip
    [fault] = total['faults']
    assert fault['frame'] == '2'
    assert 'is turned as its EXIF orientation says' in fault['fault']


def test_labels_alone_are_enough_when_asked(write):
    root = write_frames(write)
    (root / 'images/100k/train/aaa-1.jpg').write_bytes(b'broken')
    assert not check(root)['ok']
    assert check(root, '--labels-only')['ok']


def test_what_may_be_meant_so_is_a_note(write):
    rows = {'aaa-1': [2, 2, 2, 2], 'ddd-1': [255] * 4}
    root = write_frames(write, rows=rows)
    write_frames(write, 'val', {'aaa-9': [1, 1, 1, 2]}, first_level=60)
    write.image('images/100k/train/ddd-1.jpg', level=20)
    write.ids('labels/drivable/masks/train/zzz.png', [[0] * 8] * 6)
    result = drivseg('dataset', 'check', 'bdd100k', root, '--workers', 2)
    assert result.exit_code == 0
    for text in (
        'note: bdd100k (training): frames without a labelled pixel: 1',
        'note: bdd100k (training): no pixel is direct, alternative',
        'note: bdd100k (training): the same picture under several names: aaa-1 = ddd-1',
        'note: bdd100k (training): labels without an image: 1 (zzz.png)',
        'note: drives that are in bdd100k (training) and bdd100k (validation): 1 (aaa)',
        'are the ids in another order',
        'nothing is wrong',
        '83.6 %',
    ):
        assert text in result.stdout


def test_the_first_releases_ids_are_noticed_by_their_shares(write):
    """0 background, 1 direct, 2 alternative: valid values all, and yet wrong."""
    root = write_frames(write, rows={'aaa-1': [0, 0, 0, 1], 'aaa-2': [0, 0, 0, 2]})
    result = drivseg('dataset', 'check', 'bdd100k', root)
    assert 'direct 75.0 %' in result.stdout
    assert 'are the ids in another order' in result.stdout


def test_options_and_parts_reach_the_data_set(write):
    root = write_frames(write)
    report = check(root, '--option', 'limit=2', '--option', 'labels=masks', kind='bdd100k:train')
    assert report['total']['frames'] == 2
    result = drivseg(
        *('dataset', 'check', 'scenes', '--option', 'seeds=[3, 5]', '--option', 'width=64'),
        *('--option', 'height=48', '--json', '-'),
    )
    assert json.loads(result.stdout)['total']['sizes'] == {'64x48': 2}


def test_shares_are_checked_part_by_part(write):
    for i in range(20):
        write.image(f'images/f{i}.png', level=i * 3)
        write.ids(f'labels/f{i}.png', [[0] * 8] * 6)
    result = drivseg(
        *('dataset', 'check', 'folder', write.root, '--json', '-', '--option', 'classes=[a]'),
        *('--option', 'shares={training: 0.7, validation: 0.3}'),
    )
    assert [p['frames'] for p in json.loads(result.stdout)['parts']] == [14, 6]


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--option', 'limit'], 'is not NAME=VALUE'),
        (['--option', 'labels=[a'], 'is not NAME=VALUE'),
        (['--option', 'colour=3'], "no option 'colour'"),
        (['--option', 'part=train'], 'write KIND:train'),
        (['--option', 'root=/'], "no option 'root'"),
        (['--option', 'labels=3'], 'labels = 3; give text'),
    ],
)
def test_arguments_that_do_not_fit_are_refused(write, arguments, message):
    result = drivseg('dataset', 'check', 'bdd100k', write_frames(write), *arguments)
    assert isinstance(result.exception, DrivsegError)
    assert message in str(result.exception)


def test_every_name_is_shown_whole_on_a_narrow_screen(write):
    for part in ('train', 'val'):
        write.image(f'images/100k/{part}/{part}-1.png', size=(1280, 720), level=len(part))
        write.ids(f'labels/drivable/masks/{part}/{part}-1.png', np.eye(720, 1280))
    arguments = ['dataset', 'check', 'bdd100k', str(write.root)]
    shown = CliRunner().invoke(app, arguments, env={'COLUMNS': '64'}).stdout
    assert '…' not in shown
    for name in ('alternative', 'background', 'training', 'validation', 'literature'):
        assert name in shown


def test_a_folder_that_is_not_there_is_told_as_json(tmp_path):
    result = drivseg('dataset', 'check', 'bdd100k', tmp_path / 'nowhere', '--json', '-')
    assert result.exit_code == 1
    assert 'there is no folder' in json.loads(result.stdout)['faults'][0]['fault']


def test_kinds_are_listed():
    listed = drivseg('dataset', 'kinds').stdout
    for kind in ('bdd100k', 'cityscapes_categories', 'kitti_lane', 'camvid_segnet', 'scenes'):
        assert kind in listed


def test_every_frame_is_told_of(write):
    dataset = open_dataset('bdd100k', write_frames(write))
    told = []
    check_dataset([dataset, dataset], progress=lambda done, total: told.append((done, total)))
    assert told == [(i, 6) for i in range(1, 7)]
