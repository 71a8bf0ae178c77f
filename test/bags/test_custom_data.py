# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from bag_files import STRING, samples, write_rosbag1, write_rosbag2
from hypothesis import given
from hypothesis import strategies as st

from drivseg_ros.bags.custom_data import read_custom_data
from drivseg_ros.bags.dataset_info import DATASET_KEY, DatasetInfo, read_dataset_info
from drivseg_ros.bags.writer import STORAGES, BagWriter
from drivseg_ros.errors import BagError
from drivseg_ros.model.card import BDD100K_CLASSES

DATA = {'drivseg.x': '{"a": "b: \'c\'\\n"}', 'weather': 'rain', 'number': '007'}
INFO = DatasetInfo('a (b)', '0f', '/c/image', '/c/label', '/c/name', BDD100K_CLASSES)


def write(path: Path, storage: str, data: dict[str, str]) -> Path:
    with BagWriter(path, storage=storage, custom_data=data) as writer:
        writer.add_topic('/note', STRING)
        writer.write('/note', 5, b'\0\1\0\0\2\0\0\0a\0')
    return path


@pytest.mark.parametrize('storage', STORAGES)
@pytest.mark.parametrize('data', [DATA, {}], ids=['some', 'none'])
def test_it_is_in_the_metadata_and_in_the_file(
    data: dict[str, str], storage: str, tmp_path: Path
) -> None:
    bag = write(tmp_path / 'bag', storage, data)
    assert read_custom_data(bag) == data
    (file,) = bag.glob('bag_0.*')
    assert read_custom_data(file) == data
    (bag / 'metadata.yaml').unlink()
    assert read_custom_data(bag) == data


def folder(path: Path) -> Path:
    path.mkdir()
    return path


def file(name: str, content: bytes) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        path.mkdir()
        (path / name).write_bytes(content)
        return path if name == 'metadata.yaml' else path / name

    return make


def cut(path: Path) -> Path:
    whole = next(write(path, 'mcap', DATA).glob('*.mcap'))
    whole.write_bytes(whole.read_bytes()[:-40])
    return whole


WITHOUT: dict[str, Callable[[Path], Path]] = {
    'a bag of somebody else': lambda path: write_rosbag2(path, samples(1)),
    'an old bag': lambda path: write_rosbag2(path, samples(1), version=8, storage='sqlite3'),
    'a bag of ROS 1': lambda path: write_rosbag1(path.with_suffix('.bag'), samples(1)),
    'a torn file': cut,
    'an empty folder': folder,
    'nothing': lambda path: path,
    'an empty file': file('x.mcap', b''),
    'no mcap': file('x.mcap', b'\0' * 99),
    'no SQLite': file('x.db3', b'\0' * 99),
    'metadata without it': file('metadata.yaml', b'rosbag2_bagfile_information: {version: 5}'),
    'a list': file('metadata.yaml', b'- 1'),
    'no YAML': file('metadata.yaml', b'[a: b'),
    'no text': file('metadata.yaml', b'\xff\xfe\xff'),
}


@pytest.mark.parametrize('name', WITHOUT)
def test_where_there_is_none_there_is_nothing(name: str, tmp_path: Path) -> None:
    bag = WITHOUT[name](tmp_path / 'bag')
    assert read_custom_data(bag) == {}
    assert read_dataset_info(bag) is None


@given(st.text(), st.text(), st.text())
def test_what_is_told_of_a_data_set_comes_back(name: str, identity: str, topic: str) -> None:
    info = DatasetInfo(name, identity, topic, '', topic, BDD100K_CLASSES)
    assert DatasetInfo.from_json(info.to_json()) == info


def test_an_earlier_version_told_no_drives() -> None:
    content = json.loads(INFO.to_json())
    del content['drive_topic']
    assert DatasetInfo.from_json(json.dumps(content)) == INFO


def test_a_later_version_may_tell_more() -> None:
    text = json.dumps({**json.loads(INFO.to_json()), 'weather': 'rain'})
    assert DatasetInfo.from_json(text) == INFO


DAMAGES: dict[str, tuple[Callable[[dict], object], str]] = {
    'no JSON': (lambda content: None, 'is not JSON'),
    'a list': (lambda content: [1], r'has \[1\]; needed is a mapping'),
    'a topic missing': (
        lambda content: content.pop('label_topic') and content,
        "lacks the key 'label_topic'",
    ),
    'a topic that is no text': (lambda c: {**c, 'name_topic': 3}, 'has 3 at name_topic'),
    'classes that are none': (lambda c: {**c, 'classes': [1]}, r'has 1 at classes\[0\]'),
    'a role that is none': (
        lambda content: content['classes'][0].update(role='x') or content,
        r'has "x" at classes\[0\]\.role; allowed are direct, ',
    ),
    'ids with a gap': (
        lambda content: {**content, 'classes': content['classes'][1:]},
        r'has the class ids \[1, 2\]; allowed are 0, 1, 2',
    ),
}


@pytest.mark.parametrize('name', DAMAGES)
def test_what_is_damaged_is_refused(name: str, tmp_path: Path) -> None:
    damage, message = DAMAGES[name]
    content = damage(json.loads(INFO.to_json()))
    text = '{' if content is None else json.dumps(content)
    bag = write(tmp_path / 'bag', 'mcap', {DATASET_KEY: text})
    with pytest.raises(BagError, match=rf'drivseg\.dataset {message}'):
        read_dataset_info(bag)
