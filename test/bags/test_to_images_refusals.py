# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What `bag to-images` refuses, and that it leaves everything as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from frames_in_bags import files, plain, take

from drivseg_ros.bags.to_images import ImageFolderOptions, images_from_bag
from drivseg_ros.bags.typestore import HEADER
from drivseg_ros.errors import BagError, DataError, DrivsegError, ParameterError
from drivseg_ros.frames.labels import plain_labels
from drivseg_ros.model.card import BDD100K_CLASSES

MINE = plain_labels('mine', BDD100K_CLASSES)


def full(path: Path) -> None:
    path.mkdir()
    (path / 'x').write_text('')


REFUSED: dict[str, tuple[dict[str, Any], Callable[[Path], None], type[DrivsegError], str]] = {
    'two image topics': ({}, lambda out: None, BagError, r'images on /image, /label; name the'),
    'no such topic': ({'image_topic': '/x'}, lambda out: None, BagError, "has no topic '/x'"),
    'an image topic of text': (
        {'image_topic': '/text'},
        lambda out: None,
        BagError,
        'has the type std_msgs/msg/String; allowed are sensor_msgs/msg/Image, sensor',
    ),
    'a label topic of names': (
        {'image_topic': '/image', 'label_topic': '/name'},
        lambda out: None,
        BagError,
        rf'/name of .* has the type {HEADER}; allowed are sensor_msgs/msg/Image \(mono8',
    ),
    'a name topic of labels': (
        {'image_topic': '/image', 'name_topic': '/label'},
        lambda out: None,
        BagError,
        "frames' names are std_msgs/msg/Header",
    ),
    'classes without labels': (
        {'image_topic': '/image', 'labels': MINE},
        lambda out: None,
        ParameterError,
        'there is no label topic; name it',
    ),
    'one topic twice': (
        {'image_topic': '/label', 'label_topic': '/label'},
        lambda out: None,
        ParameterError,
        'must differ',
    ),
    'an unknown format': ({'image_format': 'gif'}, lambda out: None, ParameterError, "as 'gif'"),
    'an odd quality': ({'jpeg_quality': 0}, lambda out: None, ParameterError, '1 to 100'),
    'a folder with files': ({'image_topic': '/image'}, full, DataError, 'is not empty'),
    'a folder with other files': (
        {'image_topic': '/image', 'overwrite': True},
        full,
        DataError,
        r'is not empty \(it holds x\)',
    ),
    'a file': ({'image_topic': '/image'}, Path.touch, DataError, 'is a file; name a folder'),
    'a folder below a file': (
        {'image_topic': '/image'},
        lambda out: out.parent.touch(),
        DataError,
        'cannot be made',
    ),
}


@pytest.mark.parametrize('name', REFUSED)
def test_what_cannot_be_is_refused(name: str, tmp_path: Path) -> None:
    options, prepare, error, text = REFUSED[name]
    bag = plain(tmp_path / 'bag')
    output = tmp_path / 'at' / 'out' if 'below' in name else tmp_path / 'out'
    prepare(output)
    before = files(tmp_path)
    with pytest.raises(error, match=text):
        take(bag, output, **options)
    assert files(tmp_path) == before


def test_an_error_on_the_way_leaves_nothing(tmp_path: Path) -> None:
    bag, output = plain(tmp_path / 'bag'), tmp_path / 'out'
    before = files(tmp_path)

    def fail(done: int, total: int) -> None:
        assert list((output / 'images').iterdir())
        raise DataError('the disk is full')

    with pytest.raises(DataError, match='the disk is full'):
        images_from_bag(bag, ImageFolderOptions(output, image_topic='/image'), progress=fail)
    assert files(tmp_path) == before
    assert not output.exists()


def test_what_is_refused_replaces_nothing(tmp_path: Path) -> None:
    bag, output = plain(tmp_path / 'bag'), tmp_path / 'out'
    take(bag, output, image_topic='/image')
    before = files(tmp_path)
    for source, topic in ((tmp_path / 'none', '/image'), (bag, '/nothing')):
        with pytest.raises(BagError):
            take(source, output, image_topic=topic, overwrite=True)
    assert files(tmp_path) == before
