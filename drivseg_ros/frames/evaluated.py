# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames to judge networks on, with or without labels, from a folder or a bag.

They are read one at a time and always in the same order, so that a set of any length can be gone
through once for each engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from drivseg_ros.bags.frames import open_bag
from drivseg_ros.errors import DataError
from drivseg_ros.frames.frame_set import Frame, Frames, pair
from drivseg_ros.images.files import (
    IMAGE_SUFFIXES,
    find_images,
    find_labels,
    read_image,
    read_label,
)

__all__ = ['FolderFrames', 'Frame', 'Frames', 'is_bag', 'open_frames']

_BAG_SUFFIXES = ('.mcap', '.db3', '.bag')


def open_frames(
    data: Path,
    *,
    labels: str | None = None,
    image_topic: str | None = None,
    label_topic: str | None = None,
    limit: int | None = None,
) -> Frames:
    """Finds frames and their labels.

    Args:
        data: a folder of pictures (or of a folder 'images' or 'data' with them), or a bag.
        labels: of a folder: the folder with a PNG of class ids for each picture, by its path, or
            by its name in `data`. Never guessed: the ids must be those of the model.
        image_topic: of a bag; may be None if only one topic holds images.
        label_topic: of a bag: class ids (mono8) with the images' stamps. Images without a label
            are left out then.
        limit: take so many frames only, spread evenly over the set.

    Raises:
        DataError: if there are no frames, or labels are missing, or an option does not fit.
        BagError: if the bag or a topic cannot be read.
    """
    if not data.exists():
        raise DataError(f"there is nothing at '{data}'; give a folder of pictures or a bag")
    if limit is not None and limit < 1:
        raise DataError(f'a limit of {limit} frames was given; at least 1 is allowed')
    frames: Frames
    if is_bag(data):
        if labels is not None:
            raise DataError(
                f"'{data}' is a bag, and a folder of labels ({labels}) was given; "
                'name the topic of the labels (--label-topic)'
            )
        frames = open_bag(data, image_topic, label_topic)
    else:
        if image_topic is not None or label_topic is not None:
            raise DataError(
                f"'{data}' is a folder of pictures, and topics were given; give a bag, or the "
                'folder of the labels (--labels)'
            )
        images = find_images(data)
        found = None if labels is None else find_labels(images, _label_folder(data, labels))[0]
        frames = FolderFrames(data.resolve().name, images, found)
    if limit is not None and limit < len(frames):
        # The middles of equal parts.
        frames = frames.take([(2 * i + 1) * len(frames) // (2 * limit) for i in range(limit)])
    return frames


class FolderFrames(Frames):
    """Picture files.

    Args:
        description: where they come from.
        images: the pictures.
        labels: their labels in the same order, or None.
    """

    def __init__(
        self, description: str, images: Sequence[Path], labels: Sequence[Path] | None
    ) -> None:
        self.description = description
        self.has_labels = labels is not None
        self.failed = {}
        self._images = images
        self._labels = labels

    def __len__(self) -> int:
        return len(self._images)

    def __iter__(self) -> Iterator[Frame]:
        self.failed = {}
        for i, path in enumerate(self._images):
            try:
                image = read_image(path)
            except DataError as error:
                self.failed[path.name] = str(error)
                continue
            label = None if self._labels is None else read_label(self._labels[i])
            yield pair(path.name, image, label)

    def take(self, places: Sequence[int]) -> FolderFrames:
        """See Frames."""
        kept = sorted(places)
        return FolderFrames(
            self.description,
            [self._images[i] for i in kept],
            None if self._labels is None else [self._labels[i] for i in kept],
        )


def is_bag(data: Path) -> bool:
    """Whether what lies there is taken for a bag, and not for a folder of pictures."""
    if data.is_file():
        return True  # BagReader says what is wrong with one that is none
    return any(f.name == 'metadata.yaml' or f.suffix in _BAG_SUFFIXES for f in data.iterdir())


def _label_folder(data: Path, labels: str) -> Path:
    for folder in (data / labels, Path(labels)):
        if folder.is_dir():
            return folder
    there = sorted(
        f.name
        for f in data.iterdir()
        if f.is_dir() and any(p.suffix.lower() in IMAGE_SUFFIXES for p in f.iterdir())
    )
    raise DataError(
        f"there is no folder '{labels}', in '{data}' or elsewhere; give the folder that holds the "
        f"labels ('{data}' has {', '.join(there) or 'no folders with pictures'})"
    )
