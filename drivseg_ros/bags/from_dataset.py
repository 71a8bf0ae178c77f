# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A bag from a data set of any kind: its frames, their labels, names and classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from drivseg_ros.bags.dataset_info import DatasetInfo
from drivseg_ros.bags.image_bag import FileFrame, ImageBagOptions, MadeBag, write_image_bag
from drivseg_ros.bags.stamps import DEFAULT_RATE_HZ, check_rate, stamp_at
from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.frames.base import Dataset
from drivseg_ros.frames.cache import resize_frame
from drivseg_ros.frames.labelled_frame import LabelledFrame
from drivseg_ros.frames.paired_files import PairedFiles, drives_of
from drivseg_ros.frames.unlabelled import UnlabelledFrames
from drivseg_ros.images.arrays import MAX_SIDE
from drivseg_ros.images.files import decode_image_file, read_bytes
from drivseg_ros.images.resizing import resize_image


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
        options: topics, encoding and so on.
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
    for name in dataset.names:
        try:
            name.encode()
        except UnicodeEncodeError:
            raise DataError(
                f'the frame {name!r} has a name that is not UTF-8, which a bag cannot hold; rename '
                'its files'
            ) from None
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
        info=info,
        progress=progress,
    )


def _image_file(dataset: Dataset, index: int) -> Path | None:
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
) -> Iterator[LabelledFrame]:
    for index, name in enumerate(dataset.names):
        path = _image_file(dataset, index) if options.compressed else None
        data = b'' if path is None else read_bytes(path)
        label: np.ndarray | None = None
        if path is None:
            image, label = dataset[index].pair()
        else:
            image = decode_image_file(path, data)
            # Before either is resized, so that what does not belong together is refused.
            label = dataset.label_only(index) if dataset.classes else None
        frame = FileFrame(
            name,
            image,
            label if dataset.classes else None,
            stamp_ns=stamp_at(index, rate_hz=rate_hz, start_ns=options.start_ns),
            sequence=drives.get(name, ''),
            file=data,
        )
        yield frame if size is None else _resized(frame, *size)


def _resized(frame: FileFrame, width: int, height: int) -> FileFrame:
    assert frame.image is not None  # data sets have images
    if frame.label is None:
        return replace(frame, image=resize_image(frame.image, width=width, height=height))
    image, label = resize_frame(frame.image, frame.label, width=width, height=height)
    return replace(frame, image=image, label=label)
