# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A bag from a data set of any kind: its frames, their labels, names and classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np

from drivseg_ros.bags.dataset_info import DATASET_KEY, DatasetInfo
from drivseg_ros.bags.from_images import DEFAULT_RATE_HZ, jpeg_channels
from drivseg_ros.bags.image_bag import Frame, ImageBagOptions, MadeBag, write_image_bag
from drivseg_ros.bags.messages import PNG_START
from drivseg_ros.bags.stamps import check_rate, stamp_at
from drivseg_ros.errors import ParameterError
from drivseg_ros.frames.base import Dataset
from drivseg_ros.frames.cache import resize_frame
from drivseg_ros.frames.labelled_frame import LabelledFrame
from drivseg_ros.frames.paired_files import PairedFiles, drives_of
from drivseg_ros.frames.unlabelled import UnlabelledFrames
from drivseg_ros.images.arrays import MAX_SIDE
from drivseg_ros.images.files import decode_image_file, read_bytes
from drivseg_ros.model.card import UNLABELLED

# Colour types of PNG (W3C PNG specification, 11.2.1).
_GREY, _OPAQUE = 0, (0, 2, 3)


def bag_from_dataset(
    dataset: Dataset,
    options: ImageBagOptions,
    *,
    rate_hz: float = DEFAULT_RATE_HZ,
    size: tuple[int, int] | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> MadeBag:
    """Writes a data set into a bag, one frame at a time, in its own order.

    Images, labels (ids of the data set's classes, 255 unlabelled; none if it has no classes), names
    and drives have the same stamps. See dataset_info.py for where names, drives and classes are.

    Args:
        dataset: what `datasets.registry.open_dataset` opened.
        options: topics, encoding and so on. With ``jpeg``, JPEG and PNG files are passed on byte
            for byte; PNG files of 16 bits or with transparency, and resized ones, are PNG again,
            all others JPEG.
        rate_hz: frames a second, for the stamps.
        size: width and height to stretch frames to; labels take the nearest pixel. None leaves
            them as they are.
        progress: called with the number of frames done, of ``len(dataset)``.

    Raises:
        DataError: if a file cannot be read or used.
        BagError: if the bag cannot be written.
        ParameterError: if rate or size are impossible.
    """
    check_rate(rate_hz)
    if size is not None and not all(1 <= side <= MAX_SIDE for side in size):
        raise ParameterError(
            f'the size {size[0]}x{size[1]} is not possible; each side is 1 to {MAX_SIDE} pixels'
        )
    labelled, drives = bool(dataset.classes), drives_of(dataset)
    info = DatasetInfo(
        name=dataset.name,
        identity=dataset.identity,
        image_topic=options.image_topic,
        label_topic=options.labels_on if labelled else '',
        name_topic=options.names_on,
        classes=tuple(dataset.classes),
        drive_topic=options.drives_on if drives else '',
    )
    return write_image_bag(
        _frames(dataset, options, rate_hz, size, drives),
        options,
        has_labels=labelled,
        has_titles=True,
        has_drives=bool(drives),
        custom_data={DATASET_KEY: info.to_json()},
        progress=progress,
    )


def image_file(dataset: Dataset, index: int) -> Path | None:
    """The file that a frame's image is, as it is; None for videos and rendered scenes."""
    if isinstance(dataset, PairedFiles):
        return dataset.pairs[index].image
    if isinstance(dataset, UnlabelledFrames) and isinstance(dataset.frames, tuple):
        return dataset.frames[dataset.indices[index]]
    return None


def _frames(
    dataset: Dataset,
    options: ImageBagOptions,
    rate_hz: float,
    size: tuple[int, int] | None,
    drives: Mapping[str, str],
) -> Iterator[Frame]:
    for index in range(len(dataset)):
        path = image_file(dataset, index) if options.jpeg else None
        data = b''
        if path is None:
            sample = dataset[index]
        else:
            data = read_bytes(path)
            sample = _sample(dataset, index, decode_image_file(path, data))
        whole, label = sample.pair()
        image = whole
        if size is not None:
            image, label = resize_frame(image, label, width=size[0], height=size[1])
        file, grey = _file(data, image, whole=image.shape == whole.shape)
        yield Frame(
            name=f"frame '{sample.name}'",
            stamp_ns=stamp_at(index, rate_hz=rate_hz, start_ns=options.start_ns),
            rgb=image,
            file=file,
            grey_file=grey,
            labels=label if dataset.classes else None,
            title=sample.name,
            drive=drives.get(sample.name),
        )


def _sample(dataset: Dataset, index: int, image: np.ndarray) -> LabelledFrame:
    """A frame whose image is decoded already."""
    if dataset.classes:
        label = dataset.label_only(index)
    else:
        label = np.full(image.shape[:2], UNLABELLED, np.uint8)
    return LabelledFrame(dataset.names[index], image, label)


def _file(data: bytes, image: np.ndarray, *, whole: bool) -> tuple[bytes | None, bool]:
    """The file to send, None for one that is still to be encoded, and whether it is grey."""
    if not data.startswith(PNG_START):
        return (data, jpeg_channels(data) == 1) if data and whole else (None, False)
    bits, color_type = data[24], data[25]
    transparent = b'tRNS' in data[: data.find(b'IDAT')]
    if whole and bits <= 8 and color_type in _OPAQUE and not transparent:
        return data, color_type == _GREY
    return cv2.imencode('.png', cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes(), False
