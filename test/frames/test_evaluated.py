# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames come as they were written, in one order, and what does not belong together is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from color_bag import ColorBag, color_image, write_color_bag
from tiny_model import tiny_card

from drivseg_ros.bags import messages
from drivseg_ros.bags.writer import BagWriter
from drivseg_ros.errors import BagError, DataError, DrivsegError
from drivseg_ros.frames.evaluated import Frame, open_frames


def write_folder(path: Path, *, frames: int = 12, labels: str = 'labels') -> Path:
    """DATA/images and labels; the class is the strongest channel."""
    for name in ('images', labels):
        (path / name).mkdir(parents=True)
    for i in range(frames):
        image = color_image(i)
        cv2.imwrite(str(path / 'images' / f'f{i}.png'), image[..., ::-1])
        cv2.imwrite(str(path / labels / f'f{i}.png'), image.argmax(-1))
    return path


def test_a_folder_gives_its_pictures_in_order_with_their_labels(tmp_path: Path) -> None:
    frames = open_frames(write_folder(tmp_path / 'data'), labels='labels')
    assert len(frames) == 12
    assert frames.has_labels
    for _ in range(2):
        taken = list(frames)
        assert [f.name for f in taken] == [f'f{i}.png' for i in range(12)]
        for i, frame in enumerate(taken):
            np.testing.assert_array_equal(frame.image, color_image(i))
            np.testing.assert_array_equal(frame.label, color_image(i).argmax(-1))


def test_labels_may_lie_elsewhere_or_nowhere(tmp_path: Path) -> None:
    data = write_folder(tmp_path / 'data')
    frames = open_frames(data / 'images', labels=str(data / 'labels'))
    assert [f.label is None for f in frames] == [False] * 12
    frames = open_frames(data)
    assert not frames.has_labels
    assert [f.label for f in frames] == [None] * 12


@pytest.mark.parametrize(
    ('limit', 'expected'),
    [(1, [6]), (2, [3, 9]), (3, [2, 6, 10]), (12, list(range(12))), (50, list(range(12)))],
)
def test_a_limit_is_spread_over_the_set(tmp_path: Path, limit: int, expected: list[int]) -> None:
    folder = open_frames(write_folder(tmp_path / 'data'), labels='labels', limit=limit)
    bag = open_frames(
        write_color_bag(tmp_path / 'bag', frames=12).path,
        image_topic='/cam/image_raw',
        label_topic='/cam/label',
        limit=limit,
    )
    for frames in (folder, bag):
        assert len(frames) == len(expected)
        for frame, i in zip(frames, expected, strict=True):
            np.testing.assert_array_equal(frame.image, color_image(i))
            np.testing.assert_array_equal(frame.label, color_image(i).argmax(-1))


def test_take_goes_on_from_what_was_taken(tmp_path: Path) -> None:
    frames = open_frames(write_folder(tmp_path / 'data')).take([9, 1, 5]).take([0, 2])
    assert [f.name for f in frames] == ['f1.png', 'f9.png']


def test_the_only_image_topic_need_not_be_named(color_bag: ColorBag) -> None:
    frames = open_frames(color_bag.path, label_topic='/cam/label')
    assert len(list(frames)) == 10
    with pytest.raises(BagError, match='/cam/image_raw, /cam/label; name the one'):
        open_frames(color_bag.path)


def test_images_without_a_label_are_left_out_and_told(tmp_path: Path) -> None:
    with BagWriter(tmp_path / 'bag') as writer:
        for topic in ('/image', '/label'):
            writer.add_topic(topic, 'sensor_msgs/msg/Image')
        for i in range(6):
            pixels = color_image(i)
            message = messages.image(pixels, encoding='rgb8', stamp_ns=i, frame_id='c')
            writer.write('/image', i, message)
            if i % 3 == 1:
                ids = pixels.argmax(-1).astype(np.uint8)
                label = messages.image(ids, encoding='mono8', stamp_ns=i, frame_id='c')
                writer.write('/label', i + 2, label)
    frames = open_frames(tmp_path / 'bag', image_topic='/image', label_topic='/label')
    assert '4 images without a label left out' in frames.description
    assert [f.name.split(' (')[0] for f in frames] == ['image 1', 'image 4']
    for frame, i in zip(frames, (1, 4), strict=True):
        np.testing.assert_array_equal(frame.label, color_image(i).argmax(-1))


def test_a_broken_picture_costs_itself_only(tmp_path: Path) -> None:
    data = write_folder(tmp_path / 'data', frames=3)
    (data / 'images' / 'f1.png').write_bytes(b'')
    frames = open_frames(data, labels='labels')
    assert [f.name for f in frames] == ['f0.png', 'f2.png']
    assert list(frames.failed) == ['f1.png']
    with BagWriter(tmp_path / 'bag') as writer:
        writer.add_topic('/image', 'sensor_msgs/msg/Image')
        for i in range(3):
            message = messages.image(color_image(i), encoding='rgb8', stamp_ns=i, frame_id='c')
            message.step += i % 2 * 1000
            writer.write('/image', i, message)
    frames = open_frames(tmp_path / 'bag')
    assert [f.name.split(' (')[0] for f in frames] == ['image 0', 'image 2']
    assert [name.split(' (')[0] for name in frames.failed] == ['image 1']


def small_label(data: Path) -> None:
    cv2.imwrite(str(data / 'labels' / 'f1.png'), np.zeros((4, 4), np.uint8))


def no_label(data: Path) -> None:
    (data / 'labels' / 'f1.png').unlink()


def nothing(_: Path) -> None:
    pass


@pytest.mark.parametrize(
    ('spoil', 'name', 'options', 'text'),
    [
        (nothing, 'data/no', {}, 'there is nothing at'),
        (nothing, 'data/empty', {}, 'holds no picture'),
        (nothing, 'data', {'labels': 'no'}, "no folder 'no'.*has images, labels"),
        (nothing, 'data', {'labels': 'labels', 'limit': 0}, 'at least 1 is allowed'),
        (nothing, 'data', {'image_topic': '/image'}, 'folder of pictures, and topics'),
        (no_label, 'data', {'labels': 'labels'}, '1 of 3 pictures have no label'),
        (small_label, 'data', {'labels': 'labels'}, 'f1.png is 128x96, its label 4x4'),
        (nothing, 'bag', {'labels': 'labels'}, 'is a bag, and a folder of labels'),
        (nothing, 'bag', {'image_topic': '/no'}, "no topic '/no'"),
        (nothing, 'data/images/f0.png', {}, 'is no bag that is known'),
    ],
)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, spoil: Any, name: str, options: dict[str, Any], text: str
) -> None:
    data = write_folder(tmp_path / 'data', frames=3)
    (data / 'empty').mkdir()
    write_color_bag(tmp_path / 'bag', frames=2)
    spoil(data)
    with pytest.raises(DrivsegError, match=text):
        list(open_frames(tmp_path / name, **options))


def test_ids_beyond_the_classes_are_refused() -> None:
    image = np.zeros((2, 3, 3), np.uint8)
    Frame('f', image, np.array([[0, 1, 2], [255, 0, 0]], np.uint8)).check_label(tiny_card())
    with pytest.raises(DataError, match=r'f has the ids \[0, 3\].*2 background'):
        Frame('f', image, np.array([[0, 3, 0], [0, 0, 0]], np.uint8)).check_label(tiny_card())
