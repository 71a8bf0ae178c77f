# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A bag from a folder of pictures, with labels if there are any."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drivseg_ros.bags.calibration import Calibration
from drivseg_ros.bags.dataset_info import DatasetInfo
from drivseg_ros.bags.image_bag import FileFrame, ImageBagOptions, MadeBag, write_image_bag
from drivseg_ros.bags.stamps import DEFAULT_RATE_HZ, check_rate, read_stamps, stamp_at
from drivseg_ros.errors import BagError
from drivseg_ros.frames.label_images import open_label
from drivseg_ros.frames.labelled_frame import LabelledFrame
from drivseg_ros.frames.labels import Labels
from drivseg_ros.frames.paired_files import pair_files, require_labels, unused_labels
from drivseg_ros.frames.pictures import find_labels
from drivseg_ros.images.files import decode_image_file, read_bytes
from drivseg_ros.images.files import find_images as find_pictures

# KITTI raw keeps the times of image_02/data/*.png in image_02/timestamps.txt.
_STAMPS_FILE = 'timestamps.txt'


@dataclass(frozen=True)
class ImageFolder:
    """What was found before anything is written.

    Attributes:
        images: the pictures in natural order.
        stamps_ns: their times.
        stamps_from: where the times come from, in words.
        labels: their label files in the same order, or empty.
        meaning: what they mean; None if nothing says it.
        spare_labels: label files without a picture, which are left out.
    """

    images: Sequence[Path]
    stamps_ns: Sequence[int]
    stamps_from: str
    labels: Sequence[Path] = ()
    meaning: Labels | None = None
    spare_labels: int = 0


def find_images(
    folder: Path,
    *,
    start_ns: int,
    rate_hz: float | None = None,
    stamps_file: Path | None = None,
    labels: str | None = None,
) -> ImageFolder:
    """Looks through a folder and pairs pictures with times and labels.

    Args:
        folder: holds the pictures; or, as in KITTI raw, one folder 'data' or
            'images' that does.
        start_ns: time of the first picture, where times come from a rate.
        rate_hz: pictures a second.
        stamps_file: a file with one time a line. If neither is given, a 'timestamps.txt' beside
            or in the folder is used, else 10 Hz.
        labels: the option --labels, for `find_labels`: the folder with a PNG of the same stem for
            every picture, or what the values in `folder`/labels mean; None: there are none. Where
            nothing says what they mean, ids stay as they are.

    Raises:
        DataError: if there are no pictures, or labels do not match them.
        BagError: if times do not match them.
        ParameterError: if the rate is impossible.
    """
    given = folder
    images = find_pictures(folder)
    folder = images[0].parent
    if rate_hz is not None and stamps_file is not None:
        raise BagError('a rate and a file with time stamps are given; give one of them')
    if rate_hz is None and stamps_file is None:
        places = (folder / _STAMPS_FILE, folder.parent / _STAMPS_FILE)
        stamps_file = next((p for p in places if p.is_file()), None)
    if stamps_file is not None:
        stamps = read_stamps(stamps_file)
        if len(stamps) != len(images):
            raise BagError(
                f"'{stamps_file}' has {len(stamps)} times but '{folder}' has {len(images)} "
                'pictures; one time a picture is needed (or give a rate)'
            )
        source = str(stamps_file)
    else:
        rate = DEFAULT_RATE_HZ if rate_hz is None else rate_hz
        check_rate(rate)
        stamps = [stamp_at(i, rate_hz=rate, start_ns=start_ns) for i in range(len(images))]
        source = f'{rate:g} Hz'
    if labels is None:
        return ImageFolder(images, stamps, source)
    there, meaning = find_labels(given, labels)
    pairs = pair_files(images, label_of=lambda image: there / f'{image.stem}.png')
    require_labels(pairs)
    paired, spare = [pair.label for pair in pairs], len(unused_labels(pairs))
    return ImageFolder(images, stamps, source, paired, meaning, spare)


def bag_from_images(
    found: ImageFolder,
    options: ImageBagOptions,
    *,
    calibration: Calibration | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> MadeBag:
    """Writes the pictures of a folder into a bag, one at a time.

    Args:
        found: what ``find_images`` found.
        options: topics, encoding and so on.
        calibration: the camera's, if it is known.
        progress: called with the number of pictures done.

    Raises:
        DataError: if a file cannot be read.
        BagError: if a file does not fit, or the bag cannot be written.
    """
    info = None
    if found.meaning is not None:
        info = DatasetInfo(
            name=found.images[0].parent.name,
            identity='',
            image_topic=options.image_topic,
            label_topic=options.labels_on,
            name_topic='',
            classes=found.meaning.classes,
        )
    return write_image_bag(
        _frames(found),
        options,
        has_labels=bool(found.labels),
        info=info,
        calibration=calibration,
        progress=progress,
    )


def _frames(found: ImageFolder) -> Iterator[LabelledFrame]:
    labels: Sequence[Path | None] = found.labels or [None] * len(found.images)
    read = _read_ids if found.meaning is None else found.meaning.read
    for path, stamp_ns, label in zip(found.images, found.stamps_ns, labels, strict=True):
        data = read_bytes(path)
        yield FileFrame(
            str(path),
            decode_image_file(path, data),
            None if label is None else read(label),
            stamp_ns=stamp_ns,
            file=data,
        )


def _read_ids(path: Path) -> np.ndarray:
    """The numbers in a label file as they stand; nothing says what they mean."""
    return open_label(path).numbers()
