# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Files by whatever name they have: read, or refused by name before anything is written."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from command_line import drivseg

NAMES = {
    '255 bytes': b'x' * 251,
    '255 bytes of two each': 'ü'.encode() * 125 + b'a',
    'no UTF-8': b'stra\xdfe',
    'colons': b'2023-01-01T12:00:00',
    'home': b'~root',
    'nobody': b'~no_such_user',
    'option': b'--help',
    'control characters': b'a\nb\x1b[31mc\td',
    'markup': b'[red]x[',
    'format': b'%d_{}_{0}',
    'backslash': b'a\\b',
    'quotes': b'a\'b"c',
    'dots': b'a..b..',
    'spaces': b' a b ',
}
BAG_CANNOT_HOLD = ('no UTF-8',)
NO_FILE_NAMES = ('control characters', 'backslash', '255 bytes', '255 bytes of two each')


@pytest.fixture(params=NAMES)
def named(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path, str]:
    """Which name; a data set with a picture of it; the name."""
    name = os.fsdecode(NAMES[request.param])
    for folder, pixels in (
        ('images', np.full((48, 64, 3), 90, np.uint8)),
        ('labels', np.zeros((48, 64), np.uint8)),
    ):
        (tmp_path / 'set' / folder).mkdir(parents=True)
        for stem in (name, 'other'):
            data = cv2.imencode('.png', pixels)[1].tobytes()
            (tmp_path / 'set' / folder / f'{stem}.png').write_bytes(data)
    (tmp_path / 'set' / 'classes.yaml').write_text('[other, {name: road, role: drivable}]')
    return request.param, tmp_path / 'set', name


def test_pictures(named: tuple[str, Path, str], tiny_model: Path, tmp_path: Path) -> None:
    _, root, name = named
    out = tmp_path / 'out'
    result = drivseg('segment', root / 'images', '-o', out, '--model', tiny_model)
    assert result.returncode == 0, result.stderr
    wanted = {os.fsencode(f'{stem}.png') for stem in (name, 'other')}
    for folder in ('masks', 'overlays'):
        assert {os.fsencode(p) for p in os.listdir(out / folder)} == wanted


def test_data_sets(named: tuple[str, Path, str], tmp_path: Path) -> None:
    kind, root, name = named
    file = tmp_path / 'check.json'
    result = drivseg('dataset', 'check', 'folder', root, '--json', file)
    assert result.returncode == 0, result.stderr
    assert json.loads(file.read_text())['total']['frames'] == 2
    bag = tmp_path / 'bag'
    made = drivseg('bag', 'from-dataset', 'folder', root, '--output', bag)
    if kind in BAG_CANNOT_HOLD:
        assert made.returncode == 1
        assert 'has a name that is not UTF-8, which a bag cannot hold' in made.stderr
        assert not bag.exists()
        return
    assert made.returncode == 0, made.stderr
    back = drivseg('bag', 'to-images', bag, '--output', tmp_path / 'back')
    if kind in NO_FILE_NAMES:
        assert back.returncode == 1
        assert 'is no name of a file' in back.stderr
        assert os.listdir(tmp_path / 'back' / 'images') == ['other.png']
        return
    assert back.returncode == 0, back.stderr
    names = {os.fsencode(p) for p in os.listdir(tmp_path / 'back' / 'images')}
    assert names == {os.fsencode(f'{stem}.png') for stem in (name, 'other')}


def test_bags_of_pictures(named: tuple[str, Path, str], tmp_path: Path) -> None:
    _, root, _ = named
    labels = ('--labels', root / 'labels')
    made = drivseg('bag', 'from-images', root / 'images', *labels, '--output', tmp_path / 'bag')
    assert made.returncode == 0, made.stderr
    assert made.stdout.split().count('2') == 2


@pytest.mark.parametrize('name', ['~no_such_user/x', '~no_such_user'])
@pytest.mark.parametrize(
    'command',
    [
        ('evaluate', 'folder={}'),
        ('evaluate', '{}'),
        ('models', 'show', '{}'),
        ('segment', '{}', '-o', '~no_such_user/out'),
        ('dataset', 'check', 'folder', '{}'),
    ],
)
def test_homes_of_nobody(command: tuple[str, ...], name: str) -> None:
    result = drivseg(*(part.format(name) for part in command))
    assert result.returncode == 1
    assert result.stderr.startswith('drivseg: ')
    assert 'unexpected' not in result.stderr
    assert name in result.stderr.replace('\n', '')
