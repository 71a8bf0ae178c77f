# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from bag_files import Cdr
from dataset_folders import HEIGHT, NAMES, WIDTH, encoded, label, picture, write_dataset_folder
from frames_in_bags import (
    JPEGS,
    LABELS,
    Message,
    file,
    files,
    image,
    name,
    plain,
    plane,
    stamp,
    take,
    write,
)

from drivseg_ros.bags.from_dataset import bag_from_dataset
from drivseg_ros.bags.image_bag import ImageBagOptions
from drivseg_ros.bags.reader import BagReader
from drivseg_ros.bags.to_images import ImageFolderOptions, images_from_bag
from drivseg_ros.bags.writer import BagWriter
from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.frames.classes import read_classes
from drivseg_ros.frames.labels import plain_labels
from drivseg_ros.frames.registry import open_dataset
from drivseg_ros.model.card import BDD100K_CLASSES

MINE = plain_labels('mine', BDD100K_CLASSES)


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
@pytest.mark.parametrize('compressed', [False, True])
def test_a_folder_comes_back_from_a_bag(compressed: bool, storage: str, tmp_path: Path) -> None:
    root = write_dataset_folder(tmp_path / 'set')
    dataset = open_dataset('folder', root)
    options = ImageBagOptions(tmp_path / 'bag', compressed=compressed, storage=storage)
    bag_from_dataset(dataset, options)
    made = take(tmp_path / 'bag', tmp_path / 'out')
    assert (made.images, made.failed, made.by_stamp, made.spare) == (len(NAMES), {}, 0, 0)
    back = open_dataset('folder', tmp_path / 'out')
    assert (back.names, back.classes) == (dataset.names, dataset.classes)
    for ours, theirs in zip(dataset, back, strict=True):  # type: ignore[call-overload]
        assert (ours.image == theirs.image).all()
        assert (ours.label == theirs.label).all()
    if compressed:
        assert files(tmp_path / 'out') == files(root)
        for path in files(root / 'images'):
            wanted = (root / 'images' / path).read_bytes()
            assert (tmp_path / 'out' / 'images' / path).read_bytes() == wanted


def test_only_what_was_made_so_is_replaced(tmp_path: Path) -> None:
    bag, output = plain(tmp_path / 'bag'), tmp_path / 'out'
    take(bag, output, image_topic='/image')
    made = files(output)
    (output / 'images' / 'old.png').write_text('of an earlier bag')
    with pytest.raises(DataError, match=r'is not empty .*--overwrite'):
        take(bag, output, image_topic='/image')
    take(bag, output, image_topic='/image', overwrite=True)
    assert files(output) == made


def test_labels_of_the_data_set_are_no_masks(tmp_path: Path) -> None:
    dataset = open_dataset('folder', write_dataset_folder(tmp_path / 'set'))
    bag_from_dataset(dataset, ImageBagOptions(tmp_path / 'bag'))
    with pytest.raises(ParameterError, match='masks and confidence must differ; they are'):
        take(tmp_path / 'bag', tmp_path / 'out', mask_topic='/camera/label')


def test_names_go_by_stamp_whatever_happened_to_the_bag(tmp_path: Path) -> None:
    dataset = open_dataset('folder', write_dataset_folder(tmp_path / 'set'))
    bag_from_dataset(dataset, ImageBagOptions(tmp_path / 'bag'))
    # As played and recorded: other bag times, another order, no custom_data.
    with BagReader(tmp_path / 'bag') as reader, BagWriter(tmp_path / 'again') as writer:
        for topic in sorted(reader.topics, reverse=True):
            writer.add_topic(topic, reader.topic(topic).msgtype)
            for number, message in enumerate(reader.messages([topic])):
                writer.write(topic, 1000 + 10 * number + len(writer.counts), message.data)
    made = take(
        tmp_path / 'again',
        tmp_path / 'out',
        image_topic='/camera/image_raw',
        label_topic='/camera/label',
    )
    assert (made.images, made.by_stamp, made.classes) == (len(NAMES), 0, BDD100K_CLASSES)
    assert files(tmp_path / 'out') == [
        'classes.yaml',
        *sorted(f'{folder}/{n}.png' for folder in ('images', 'labels') for n in NAMES),
    ]


def test_without_names_files_have_their_stamps(tmp_path: Path) -> None:
    one = 'o n.e' + 'x' * 215  # as long as a name may be
    bag = write(tmp_path / 'bag', image(0), image(1), name(1, one), image(-1, picture(2)))
    made = take(bag, tmp_path / 'out', image_format='jpg', jpeg_quality=95)
    assert (made.images, made.by_stamp) == (3, 2)
    assert files(tmp_path / 'out') == [
        'images/1699999999_950000000.jpg',
        'images/1700000000_000000000.jpg',
        f'images/{one}.jpg',
    ]
    got = (tmp_path / 'out' / 'images' / f'{one}.jpg').read_bytes()
    assert got == cv2.imencode('.jpg', picture(1), [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


ORDERS: dict[str, list[Message]] = {
    'images first': [image(0), image(1), plane(0), plane(1), plane(0, topic='/mask')],
    'labels first': [plane(0, topic='/mask'), plane(1), plane(0), image(1), image(0)],
    'by turns': [plane(0), image(0), plane(0, topic='/mask'), image(1), plane(1)],
}


@pytest.mark.parametrize('order', ORDERS)
def test_labels_and_masks_find_their_images_in_any_order(order: str, tmp_path: Path) -> None:
    rest = [image(2), plane(2, topic='/mask'), plane(3), plane(4, topic='/mask')]
    bag = write(tmp_path / 'bag', *ORDERS[order], *rest)
    made = take(
        bag,
        tmp_path / 'out',
        image_topic='/image',
        label_topic='/label',
        mask_topic='/mask',
        labels=MINE,
    )
    assert (made.images, made.masks, made.without_label, made.spare) == (2, 1, 1, 2)
    first, second = '1700000000_000000000.png', '1700000000_050000000.png'
    assert files(tmp_path / 'out') == [
        'classes.yaml',
        *(f'images/{n}' for n in (first, second)),
        *(f'labels/{n}' for n in (first, second)),
        f'masks/{first}',
    ]
    for number, file_name in enumerate((first, second)):
        got = cv2.imread(str(tmp_path / 'out' / 'labels' / file_name), cv2.IMREAD_UNCHANGED)
        assert (got == label(number)).all()
    assert read_classes(tmp_path / 'out' / 'classes.yaml') == BDD100K_CLASSES


def test_a_mosaic_in_a_jpeg_is_not_kept_as_grey(tmp_path: Path) -> None:
    topic, number, message = file(0, encoded('.png', picture(0)[..., 0]))
    message.format = 'bayer_rggb8; png compressed '
    take(write(tmp_path / 'bag', (topic, number, message)), tmp_path / 'out')
    (path,) = (tmp_path / 'out' / 'images').iterdir()
    assert cv2.imread(str(path), cv2.IMREAD_UNCHANGED).shape == (HEIGHT, WIDTH, 3)


def strange(number: int, **changes: Any) -> Message:
    topic, _, message = image(number)
    for key, value in changes.items():
        setattr(message, key, value)
    return topic, number, message


def cut(number: int) -> Message:
    return file(number, encoded('.jpg', picture(number))[:-9])


A, B = f'{stamp(1) // 10**9}_050000000', 'second'
# What is in the bag instead of frame 1, the name that it is told by, and what is told.
TROUBLES: dict[str, tuple[list[Message], str, str]] = {
    'a cut JPEG': ([cut(1), LABELS[1]], A, 'its image cannot be used: a JPEG file of .* too early'),
    'the same behind its label': ([LABELS[1], cut(1)], A, 'ends too early'),
    'a cut JPEG with a name': ([name(1, B), LABELS[1], cut(1)], B, 'ends too early'),
    'no JPEG': ([file(1, b'GIF89a'), LABELS[1]], A, 'data begins with 47 49 46'),
    'an empty file': ([LABELS[1], file(1, b'')], A, 'without data'),
    'a label of another size': (
        [JPEGS[1], plane(1, label(1, width=16))],
        A,
        'its label is 16x24, its image 32x24; they must have one size',
    ),
    'an image of another size': (
        [plane(1, label(1, height=8)), JPEGS[1]],
        A,
        'its label is 32x8, its image 32x24',
    ),
    'a mask of another size': (
        [JPEGS[1], LABELS[1], plane(1, label(1, width=16), '/mask')],
        A,
        'its mask is 16x24, its image 32x24',
    ),
    'a stray id': (
        [plane(1, np.full((HEIGHT, WIDTH), 3, np.uint8)), JPEGS[1]],
        A,
        r'its label cannot be used: it has stray values: 3 \(768 pixels\); mine has 0 to 2, 255',
    ),
    'a label in colours': (
        [JPEGS[1], ('/label', 1, image(1)[2])],
        A,
        "its label cannot be used: labels of the encoding 'bgr8'",
    ),
    'a stamp twice': ([LABELS[1], JPEGS[1], JPEGS[1]], A, r'\(2 of /image, 1 of /label\)'),
    'a name twice': (
        [name(1, 'first'), JPEGS[1], LABELS[1]],
        'first',
        "another frame has the name 'first'",
    ),
    'a name that leads elsewhere': (
        [name(1, '../../up'), JPEGS[1], LABELS[1]],
        A,
        "its name in the bag, '../../up', is no name of a file",
    ),
    'a hidden name': ([name(1, '.x'), LABELS[1], JPEGS[1]], A, "'.x', is no name of a file"),
    'a long name': ([name(1, 'ü' * 200), LABELS[1], JPEGS[1]], A, 'is no name of a file'),
    'a name of two lines': ([name(1, 'a\nb'), LABELS[1], JPEGS[1]], A, 'is no name of a file'),
    'a message of two bytes': (
        [LABELS[1], JPEGS[1], ('/label', 1, b'\0\1')],
        r'/label at \d+ ns',
        'has 2 bytes; at least 12',
    ),
    'half a message': (
        [JPEGS[1], ('/label', 1, Cdr().number('i', 1_700_000_000).number('I', 50_000_000).done())],
        A,
        'its label cannot be used: a message of /label',
    ),
}


@pytest.mark.parametrize('trouble', TROUBLES)
def test_a_bad_frame_is_named_and_the_rest_goes_on(trouble: str, tmp_path: Path) -> None:
    content, told_as, text = TROUBLES[trouble]
    first = [name(0, 'first'), JPEGS[0], LABELS[0]]
    bag = write(tmp_path / 'bag', *first, *content, LABELS[2], JPEGS[2], JPEGS[3], LABELS[3])
    with BagReader(bag) as reader:
        masks = '/mask' if '/mask' in reader.topics else None
    told: list[str] = []
    made = take(
        bag,
        tmp_path / 'out',
        told=told,
        image_topic='/image',
        label_topic='/label',
        mask_topic=masks,
        labels=MINE,
    )
    (line,) = told
    ((named, reason),) = made.failed.items()
    assert line == f'{named}: {reason}'
    assert re.fullmatch(told_as, named)
    assert re.search(text, reason)
    whole = 4 if trouble == 'a message of two bytes' else 3
    assert made.images == whole
    back = open_dataset('folder', tmp_path / 'out')
    assert (len(back), back.unused_labels) == (whole, ())  # type: ignore[attr-defined]
    assert 'first' in back.names
    for sample in back:  # type: ignore[attr-defined]
        assert sample.label.shape == (HEIGHT, WIDTH)


def test_nothing_is_left_of_frames_that_all_fail(tmp_path: Path) -> None:
    bag = write(tmp_path / 'bag', cut(0), LABELS[0], LABELS[1], cut(1))
    made = take(
        bag,
        tmp_path / 'out',
        image_topic='/image',
        label_topic='/label',
        labels=MINE,
    )
    assert (made.images, len(made.failed)) == (0, 2)
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('stop_at', range(3))
@pytest.mark.parametrize('how', ['asked', 'raised'])
def test_however_it_ends_every_image_has_its_label(how: str, stop_at: int, tmp_path: Path) -> None:
    bag = write(tmp_path / 'bag', JPEGS[0], JPEGS[1], LABELS[0], LABELS[2], LABELS[1], JPEGS[2])
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        if asked > stop_at and how == 'raised':
            raise KeyboardInterrupt
        return asked > stop_at

    options = ImageFolderOptions(
        tmp_path / 'out', image_topic='/image', label_topic='/label', labels=MINE
    )
    if how == 'raised':
        with pytest.raises(KeyboardInterrupt):
            images_from_bag(bag, options, stop=stop)
    else:
        assert images_from_bag(bag, options, stop=stop).interrupted
    images = [Path(f).stem for f in files(tmp_path / 'out') if f.startswith('images')]
    labels = [Path(f).stem for f in files(tmp_path / 'out') if f.startswith('labels')]
    assert (len(images), images) == (stop_at, labels)
    assert len(files(tmp_path / 'out')) == (2 * stop_at + 1 if stop_at else 0)
