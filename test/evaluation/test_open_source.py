# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames come as they were written, in one order; labels of unknown meaning are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from color_bag import ColorBag, color_image, write_color_bag
from label_pngs import LABEL_KINDS, write_label
from tiny_model import tiny_card

from drivseg_ros.bags import messages
from drivseg_ros.bags.from_dataset import bag_from_dataset
from drivseg_ros.bags.from_images import bag_from_images, find_images
from drivseg_ros.bags.image_bag import ImageBagOptions
from drivseg_ros.bags.reader import BagReader
from drivseg_ros.bags.source import BagSource
from drivseg_ros.bags.writer import BagWriter
from drivseg_ros.errors import BagError, DataError, DrivsegError
from drivseg_ros.evaluation.open_source import open_source
from drivseg_ros.frames.classes import classes_text
from drivseg_ros.frames.labelled_frame import LabelledFrame, LostFrame
from drivseg_ros.frames.matching import match_classes
from drivseg_ros.frames.registry import open_dataset
from drivseg_ros.frames.source import FrameSource, ReadableFrames
from drivseg_ros.model.card import BDD100K_CLASSES

BDD100K_NAMES = [c.name for c in BDD100K_CLASSES]


def write_folder(path: Path, *, frames: int = 12, classes: bool = True) -> Path:
    """DATA/images and labels; the class is the strongest channel."""
    for name in ('images', 'labels'):
        (path / name).mkdir(parents=True)
    for i in range(frames):
        image = color_image(i)
        cv2.imwrite(str(path / 'images' / f'f{i}.png'), image[..., ::-1])
        cv2.imwrite(str(path / 'labels' / f'f{i}.png'), image.argmax(-1))
    if classes:
        (path / 'classes.yaml').write_text(classes_text(BDD100K_CLASSES))
    return path


def taken(source: FrameSource) -> list[LabelledFrame]:
    return list(ReadableFrames(source))


def test_a_folder_gives_its_pictures_in_order_with_their_labels(tmp_path: Path) -> None:
    source = open_source(write_folder(tmp_path / 'data'))
    assert len(source) == 12
    assert source.labels is not None
    assert source.labels.classes == BDD100K_CLASSES
    for _ in range(2):
        frames = taken(source)
        assert [f.name for f in frames] == [f'f{i}' for i in range(12)]
        for i, frame in enumerate(frames):
            np.testing.assert_array_equal(frame.image, color_image(i))
            np.testing.assert_array_equal(frame.label, color_image(i).argmax(-1))


def test_labels_may_lie_elsewhere_or_nowhere(tmp_path: Path) -> None:
    data = write_folder(tmp_path / 'data')
    for labels in ('labels', str(data / 'labels')):
        source = open_source(data / 'images', labels=labels)
        assert [f.label is None for f in taken(source)] == [False] * 12
    for source in (open_source(data / 'images'), open_source(data, with_labels=False)):
        assert source.labels is None
        assert [f.label for f in taken(source)] == [None] * 12


def test_pictures_whose_labels_mean_nothing_are_refused(tmp_path: Path) -> None:
    data = write_folder(tmp_path / 'data', classes=False)
    for options in ({}, {'labels': 'labels'}):
        with pytest.raises(
            DataError, match=r'values 0 to 2 in the .*put a classes\.yaml .* --labels: bdd'
        ):
            open_source(data, **options)
    first = open_source(data, labels='bdd100k_first_release')
    (frame, *_) = taken(first)
    expected = np.array([2, 0, 1], np.uint8)[color_image(0).argmax(-1)]
    np.testing.assert_array_equal(frame.label, expected)


@pytest.mark.parametrize('kind', LABEL_KINDS)
@pytest.mark.parametrize('form', ['folder', 'pictures', 'kind', 'bag'])
def test_labels_of_every_kind_are_read_alike(tmp_path: Path, form: str, kind: str) -> None:
    """A folder, its pictures alone, the kind folder, and a bag that is made of it."""
    data = tmp_path / 'data'
    for name in ('images', 'labels'):
        (data / name).mkdir(parents=True)
    ids = np.zeros((36, 64), np.uint8)
    ids[18:] = 1
    cv2.imwrite(str(data / 'images' / 'f.png'), np.full((36, 64, 3), 60, np.uint8))
    write_label(data / 'labels' / 'f.png', ids, kind)
    (data / 'classes.yaml').write_text(
        '- {name: background, color: [0, 0, 0]}\n'
        '- {name: drivable, color: [0, 255, 0], role: drivable}\n'
    )
    if form == 'bag':
        found = find_images(data / 'images', start_ns=1, labels='labels')
        bag_from_images(found, ImageBagOptions(output=tmp_path / 'bag'))
        source = open_source(tmp_path / 'bag')
    elif form == 'kind':
        source = open_source(f'folder={data}')
    else:
        folder = data if form == 'folder' else data / 'images'
        source = open_source(folder, labels='labels')
    (frame,) = taken(source)
    np.testing.assert_array_equal(frame.label, ids)
    assert source.labels is not None
    assert [(c.name, c.role.value) for c in source.labels.classes] == [
        ('background', 'none'),
        ('drivable', 'drivable'),
    ]


def test_a_video_and_a_picture_are_sources_too(tmp_path: Path) -> None:
    path = tmp_path / 'drive.mp4'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), 10, (128, 96))
    for i in range(5):
        writer.write(np.ascontiguousarray(color_image(i)[..., ::-1]))
    writer.release()
    assert [f.name for f in taken(open_source(path, limit=2))] == ['drive_000000', 'drive_000001']
    cv2.imwrite(str(tmp_path / 'one.png'), color_image(0)[..., ::-1])
    (frame,) = taken(open_source(tmp_path / 'one.png'))
    np.testing.assert_array_equal(frame.image, color_image(0))


@pytest.mark.parametrize(
    ('limit', 'expected'),
    [(1, [6]), (2, [3, 9]), (3, [2, 6, 10]), (12, list(range(12))), (50, list(range(12)))],
)
def test_a_limit_may_be_spread_over_the_set(
    tmp_path: Path, limit: int, expected: list[int]
) -> None:
    folder = open_source(write_folder(tmp_path / 'data'), limit=limit, evenly=True)
    bag = open_source(
        write_color_bag(tmp_path / 'bag', frames=12).path,
        label_topic='/cam/label',
        labels='bdd100k',
        limit=limit,
        evenly=True,
    )
    for source in (folder, bag):
        assert len(source) == len(expected)
        for frame, i in zip(taken(source), expected, strict=True):
            np.testing.assert_array_equal(frame.image, color_image(i))
            np.testing.assert_array_equal(frame.label, color_image(i).argmax(-1))


def test_take_goes_on_from_what_was_taken(tmp_path: Path) -> None:
    source = open_source(write_folder(tmp_path / 'data')).take([9, 1, 5]).take([0, 2])
    assert [f.name for f in taken(source)] == ['f1', 'f9']


def test_the_only_image_topic_need_not_be_named(color_bag: ColorBag) -> None:
    source = open_source(color_bag.path, label_topic='/cam/label', labels='bdd100k')
    assert len(taken(source)) == 10
    with pytest.raises(BagError, match='/cam/image_raw, /cam/label; name the one'):
        open_source(color_bag.path)


def write_topics(path: Path, *, stamps: dict[str, list[int]], late: int = 0) -> Path:
    """Images (frame i: color_image(i)) and labels with header stamps, frame after frame."""
    with BagWriter(path) as writer:
        for topic in stamps:
            writer.add_topic(topic, 'sensor_msgs/msg/Image')
        for topic, found in stamps.items():
            for i, stamp in enumerate(found):
                pixels = color_image(i)
                encoding = 'rgb8' if topic == '/image' else 'mono8'
                plane = pixels if topic == '/image' else pixels.argmax(-1).astype(np.uint8)
                message = messages.image(plane, encoding=encoding, stamp_ns=stamp, frame_id='c')
                writer.write(topic, i * 10 + (topic != '/image') * (1 + late), message)
    return path


def test_images_without_a_label_are_left_out_and_counted(tmp_path: Path) -> None:
    bag = write_topics(tmp_path / 'bag', stamps={'/image': [*range(6)], '/label': [0, 1, 2]})
    source = open_source(bag, label_topic='/label', labels='bdd100k', labelled_only=True)
    assert isinstance(source, BagSource)
    assert (len(source), source.without_label) == (3, 3)
    assert [f.label is None for f in taken(source)] == [False] * 3
    everything = open_source(bag, label_topic='/label', labels='bdd100k')
    assert [f.label is None for f in taken(everything)] == [False] * 3 + [True] * 3


SECOND = 10**9


@pytest.mark.parametrize('late', [0, 10 * SECOND])
@pytest.mark.parametrize(
    ('images', 'labels', 'lost'),
    [
        ([100, 101, 102, 103], [100, 101, 102, 103], []),
        ([100, 100, 101, 102], [100, 101, 102], [0, 1]),
        ([100, 101, 102, 103], [100, 101, 101, 103], [1]),
        # A clock that was set back.
        ([103, 102, 101, 100], [103, 102, 101, 100], []),
    ],
)
def test_what_belongs_together_has_one_stamp_of_its_own(
    tmp_path: Path, images: list[int], labels: list[int], lost: list[int], late: int
) -> None:
    bag = write_seconds(tmp_path / 'bag', images, labels, late=late)
    frames = list(open_source(bag, image_topic='/image', label_topic='/label', labels='bdd100k'))
    assert [i for i, f in enumerate(frames) if isinstance(f, LostFrame)] == lost
    for i, frame in enumerate(frames):
        if isinstance(frame, LostFrame):
            assert frame.kind == 'stamp'
            assert 'which of them belong together is unknown' in frame.message
        elif frame.label is not None:
            place = labels.index(images[i])
            np.testing.assert_array_equal(frame.image, color_image(i))
            np.testing.assert_array_equal(frame.label, color_image(place).argmax(-1))
    assert len({f.name for f in frames}) == 4


@pytest.mark.parametrize('named', [True, False])
@pytest.mark.parametrize('late', [0, 10 * SECOND])
@pytest.mark.parametrize('stamps', [[0, 0, 0, 0], [100, 100, 101, 101]])
def test_a_driver_without_a_clock_is_refused(
    tmp_path: Path, stamps: list[int], late: int, named: bool
) -> None:
    """Nobody knows which label is whose, and that counts before what their values mean."""
    bag = write_seconds(tmp_path / 'bag', stamps, stamps, late=late)
    labels = 'bdd100k' if named else None
    with pytest.raises(DataError, match=r'no frame can be used: several .*of /image, .*of /label'):
        open_source(bag, image_topic='/image', label_topic='/label', labels=labels)


def write_seconds(path: Path, images: list[int], labels: list[int], *, late: int) -> Path:
    stamps = {'/image': images, '/label': labels}
    in_ns = {topic: [s * SECOND for s in found] for topic, found in stamps.items()}
    return write_topics(path, stamps=in_ns, late=late)


def record_again(bag: Path, again: Path, *, without: str = '') -> Path:
    """The topics of a bag as `ros2 bag record` writes them: custom_data is lost."""
    with BagReader(bag) as reader, BagWriter(again) as writer:
        for name, topic in reader.topics.items():
            if name != without:
                writer.add_topic(name, topic.msgtype, definition=topic.definition)
        for message in reader.messages(writer.counts):
            writer.write(message.topic, message.time_ns + 1, message.data)
    return again


def test_a_recording_of_a_bag_has_the_meaning_still_or_is_refused(tmp_path: Path) -> None:
    """The classes of a data set, in an order of their own, for a network of other ids."""
    root = write_folder(tmp_path / 'data', frames=3)
    dataset = open_dataset('folder', root, classes=['background', *BDD100K_NAMES[:2]])
    bag_from_dataset(dataset, ImageBagOptions(output=tmp_path / 'bag'))
    again = record_again(tmp_path / 'bag', tmp_path / 'again')
    topics = {'image_topic': '/camera/image_raw', 'label_topic': '/camera/label'}
    source = open_source(again, **topics, card=tiny_card())
    assert [f.name for f in taken(source)] == ['f0', 'f1', 'f2']
    assert source.labels is not None
    assert [(c.name, c.role.value) for c in source.labels.classes] == [
        ('background', 'none'),
        ('direct', 'direct'),
        ('alternative', 'alternative'),
    ]
    assert match_classes(source.labels, BDD100K_CLASSES).answers == (1, 2, 0)
    said = {
        name: open_source(again, **topics, labels=name).describe()['contradiction']
        for name in ('bdd100k_first_release', 'bdd100k')
    }
    assert said['bdd100k_first_release'] == ''
    assert said['bdd100k'] == (
        'the labels are read as bdd100k, as asked; the bag itself says 0 background, 1 direct, 2 '
        'alternative'
    )
    bare = record_again(again, tmp_path / 'bare', without='/camera/label_info')
    with pytest.raises(DataError, match=r'nothing says what .* direct \(direct\), alt.*--labels'):
        open_source(bare, **topics, card=tiny_card())


def test_images_alone_may_have_any_stamps(tmp_path: Path) -> None:
    bag = write_topics(tmp_path / 'bag', stamps={'/image': [0, 0, 0]})
    frames = taken(open_source(bag))
    for i, frame in enumerate(frames):
        np.testing.assert_array_equal(frame.image, color_image(i))
    assert len({f.name for f in frames}) == 3


def test_a_broken_picture_costs_itself_only(tmp_path: Path) -> None:
    data = write_folder(tmp_path / 'data', frames=3)
    (data / 'images' / 'f1.png').write_bytes(b'')
    frames = ReadableFrames(open_source(data))
    assert [f.name for f in frames] == ['f0', 'f2']
    assert list(frames.failed) == ['f1']
    with BagWriter(tmp_path / 'bag') as writer:
        writer.add_topic('/image', 'sensor_msgs/msg/Image')
        for i in range(3):
            message = messages.image(color_image(i), encoding='rgb8', stamp_ns=i, frame_id='c')
            message.step += i % 2 * 1000
            writer.write('/image', i, message)
    frames = ReadableFrames(open_source(tmp_path / 'bag'))
    assert [f.stamp_ns for f in frames] == [0, 2]
    assert list(frames.failed) == ['0.000000001']


def small_label(data: Path) -> None:
    cv2.imwrite(str(data / 'labels' / 'f1.png'), np.zeros((4, 4), np.uint8))


def no_label(data: Path) -> None:
    (data / 'labels' / 'f1.png').unlink()


def nothing(_: Path) -> None:
    pass


@pytest.mark.parametrize(
    ('spoil', 'name', 'options', 'text'),
    [
        (nothing, 'data/no', {}, "there is nothing at '.*no', nor a data set of that kind"),
        (nothing, 'data/empty', {}, 'holds no picture'),
        (nothing, 'data', {'labels': 'no'}, "'no', which is no label map .* and no model"),
        (nothing, 'data/images', {'labels': 'bdd100k'}, 'has no labels, .* are images, labels'),
        (nothing, 'data', {'limit': 0}, 'at least 1 is allowed'),
        (nothing, 'data', {'image_topic': '/image'}, 'is no bag, and topics were given'),
        (no_label, 'data', {}, '1 of 3 images have no label'),
        (nothing, 'bag', {'image_topic': '/no'}, "no topic '/no'"),
        (nothing, 'bag', {'resample': 'cars'}, 'allowed are auto, frames'),
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
        list(open_source(tmp_path / name, **options))


def test_a_label_of_another_size_costs_its_frame(tmp_path: Path) -> None:
    data = write_folder(tmp_path / 'data', frames=3)
    small_label(data)
    lost = [f for f in open_source(data) if isinstance(f, LostFrame)]
    assert [f.name for f in lost] == ['f1']
    assert 'must have one size' in lost[0].message
