# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Attributes of frames from files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from drivseg_ros.errors import DataError
from drivseg_ros.frames.attributes import choose, find_attributes, read_attributes

WANTED = {'a': {'timeofday': 'night', 'weather': 'rain'}, 'b': {'timeofday': 'daytime'}}
BDD100K = [
    {'name': 'a.jpg', 'attributes': WANTED['a'], 'labels': [{'category': 'car'}]},
    {'name': 'b.jpg', 'attributes': WANTED['b'] | {'poly': [1, 2]}},
]


@pytest.mark.parametrize(
    ('name', 'text'),
    [
        ('a.csv', 'name,timeofday,weather\na.jpg,night,rain\nb,daytime,\n\n'),
        ('a.csv', '\ufeffname, timeofday, weather\r\na, night, rain\r\nb, daytime,\r\n'),
        ('a.yaml', 'a: {timeofday: night, weather: rain}\nb.PNG: {timeofday: daytime}\n'),
        ('a.json', json.dumps(WANTED)),
        ('a.json', json.dumps(BDD100K)),
    ],
)
def test_forms(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert read_attributes(tmp_path / name) == WANTED


def test_numbers_are_read_as_text(tmp_path: Path) -> None:
    (tmp_path / 'a.yaml').write_text('7: {drive: 3, wet: true}\n')
    assert read_attributes(tmp_path / 'a.yaml') == {'7': {'drive': '3', 'wet': 'true'}}


def test_names_stay_as_they_are_written(tmp_path: Path) -> None:
    """The names of a bag's frames are their stamps, which a float would round."""
    names = ['1700000000.050000000', '000012', '1e3', 'true']
    (tmp_path / 'a.yaml').write_text(''.join(f'{name}: {{weather: rain}}\n' for name in names))
    assert list(read_attributes(tmp_path / 'a.yaml')) == names


def test_what_is_not_told_is_said() -> None:
    found = choose(WANTED, ['a.jpg', 'b', 'c'])
    assert found['b'] == {'timeofday': 'daytime', 'weather': 'unknown'}
    assert found['c'] == {'timeofday': 'unknown', 'weather': 'unknown'}
    assert list(found) == ['a.jpg', 'b', 'c']
    with pytest.raises(DataError, match=r"first is 'x'; they name 'a' and others"):
        choose(WANTED, ['x'])


@pytest.mark.parametrize(
    ('name', 'text', 'message'),
    [
        ('a.csv', 'name,weather\n', 'needs a line'),
        ('a.csv', 'name\na\n', 'needs a line'),
        ('a.csv', 'name,weather\na,rain,night\n', '3 fields in line 2, not 2'),
        ('a.csv', 'name,weather\na,rain\na.jpg,snow\n', 'twice'),
        ('a.csv', 'name,x\n' + ''.join(f'{i},{i}\n' for i in range(60)), "'x' has 60 values"),
        ('a.csv', 'name,x,x\na,1,2\n', 'headings name, x, x; give each another name'),
        ('a.yaml', 'a: night\n', "'a': 'night'"),
        ('a.yaml', 'a: {x: 1}\na: {x: 2}\n', 'cannot be read'),
        ('a.yaml', '- night\n', 'must map names'),
        ('a.yaml', 'a: [', 'cannot be read'),
        ('a.json', '{"a": ', 'cannot be read'),
        ('a.json', '[{"name": "a"}]', 'must map names'),
    ],
)
def test_files_that_are_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message):
        read_attributes(tmp_path / name)


def test_a_data_set_may_bring_its_own(tmp_path: Path) -> None:
    assert find_attributes(tmp_path) is None
    (tmp_path / 'attributes.csv').write_text('')
    assert find_attributes(tmp_path) == tmp_path / 'attributes.csv'
    (tmp_path / 'attributes.yaml').write_text('')
    with pytest.raises(DataError, match=r'attributes\.csv, attributes\.yaml; name the one'):
        find_attributes(tmp_path)
    with pytest.raises(DataError, match='cannot be read'):
        read_attributes(tmp_path / 'none.csv')
