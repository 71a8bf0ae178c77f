# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which topics of a bag are meant, with and without names."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivseg_ros.bags.dataset_info import DatasetInfo
from drivseg_ros.bags.reader import BagReader
from drivseg_ros.bags.topics import BagTopics, find_topic, resolve_topics
from drivseg_ros.bags.writer import BagWriter
from drivseg_ros.errors import BagError, DrivsegError, ParameterError

RAW, COMPRESSED = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage'
CAMERA = {'/cam/image_raw': RAW}
JPEG = {'/cam/image_raw/compressed': COMPRESSED}
LABEL = {'/cam/label': RAW}
OUTPUTS = {
    '/cam/segmentation/mask': RAW,
    '/cam/segmentation/overlay/compressed': COMPRESSED,
    '/cam/segmentation/label_info': 'std_msgs/msg/Header',
}


def make_bag(path: Path, topics: dict[str, str]) -> Path:
    with BagWriter(path) as writer:
        for name, msgtype in topics.items():
            writer.add_topic(name, msgtype)
    return path


def info(image: str, label: str = '') -> DatasetInfo:
    return DatasetInfo('d', 'i', image, label, '', ())


@pytest.mark.parametrize(
    ('there', 'asked', 'made_of', 'image', 'label'),
    [
        (CAMERA, BagTopics(), None, '/cam/image_raw', None),
        (JPEG, BagTopics(), None, '/cam/image_raw/compressed', None),
        ({**JPEG, **CAMERA}, BagTopics(), None, '/cam/image_raw', None),
        ({**JPEG, **OUTPUTS}, BagTopics(), None, '/cam/image_raw/compressed', None),
        (
            {**JPEG, **CAMERA},
            BagTopics('/cam/image_raw/compressed'),
            None,
            '/cam/image_raw/compressed',
            None,
        ),
        (JPEG, BagTopics('/cam/image_raw'), None, '/cam/image_raw/compressed', None),
        (CAMERA, BagTopics('/cam/image_raw/compressed'), None, '/cam/image_raw', None),
        ({**CAMERA, **LABEL}, BagTopics(label='/cam/label'), None, '/cam/image_raw', '/cam/label'),
        (
            {**CAMERA, **LABEL},
            BagTopics(),
            info('/cam/image_raw', '/cam/label'),
            '/cam/image_raw',
            '/cam/label',
        ),
        # The label is another camera's.
        (
            {**CAMERA, **LABEL, '/b/image_raw': RAW},
            BagTopics('/b/image_raw'),
            info('/cam/image_raw', '/cam/label'),
            '/b/image_raw',
            None,
        ),
        # Recorded again under other names: what the data set says is about none of these.
        (CAMERA, BagTopics(), info('/x/image_raw', '/x/label'), '/cam/image_raw', None),
        # Masks need no images.
        ({**CAMERA, **OUTPUTS}, BagTopics(mask='/cam/segmentation/mask'), None, None, None),
    ],
)
def test_found(
    tmp_path: Path,
    there: dict[str, str],
    asked: BagTopics,
    made_of: DatasetInfo | None,
    image: str | None,
    label: str | None,
) -> None:
    with BagReader(make_bag(tmp_path / 'bag', there)) as reader:
        found = resolve_topics(reader, asked, info=made_of)
        assert (found.image, found.label, found.mask) == (image, label, asked.mask)
        assert resolve_topics(reader, found, info=made_of) == found


@pytest.mark.parametrize(
    ('there', 'asked', 'message'),
    [
        ({**CAMERA, **LABEL}, BagTopics(), 'images on /cam/image_raw, /cam/label; name the ones'),
        (LABEL | {'/b/image/compressed': COMPRESSED}, BagTopics(), 'on /b/image, /cam/label; name'),
        ({'/name': 'std_msgs/msg/Header'}, BagTopics(), r'has no images \(sensor_msgs.*Comp'),
        (CAMERA, BagTopics(label='/cam/image_raw'), 'has no images besides /cam/image_raw'),
        (CAMERA, BagTopics('/x'), r"no topic '/x'; it has /cam/image_raw \(sensor_msgs"),
        ({'/name': 'std_msgs/msg/Header'}, BagTopics('/name'), 'has the type std_msgs/msg/Header'),
        ({**CAMERA, **JPEG}, BagTopics(label='/cam/image_raw/compressed'), r'allowed are .*mono8'),
    ],
)
def test_refusals(tmp_path: Path, there: dict[str, str], asked: BagTopics, message: str) -> None:
    with (
        BagReader(make_bag(tmp_path / 'bag', there)) as reader,
        pytest.raises(BagError, match=message),
    ):
        resolve_topics(reader, asked)


def test_other_topics_need_their_whole_name(tmp_path: Path) -> None:
    with BagReader(make_bag(tmp_path / 'bag', {'/name': 'std_msgs/msg/Header'})) as reader:
        assert find_topic(reader, '/name') == '/name'
        with pytest.raises(DrivsegError, match="no topic '/nam'"):
            find_topic(reader, '/nam')


@pytest.mark.parametrize(
    'topics', [{'confidence': '/c'}, {'image': '/a', 'label': '/a'}, {'mask': '/m', 'label': '/m'}]
)
def test_contradictions(topics: dict[str, str]) -> None:
    with pytest.raises(ParameterError, match=r'named without the masks|must differ'):
        BagTopics(**topics)
