# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames to judge networks on, with or without labels, from a folder or a bag.

They are read one at a time and always in the same order, so that a set of any length can be gone
through once for each engine.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drivseg_ros.bags.reader import BagMessage, BagReader
from drivseg_ros.bags.typestore import IMAGE_TYPES
from drivseg_ros.errors import DataError, ImageError
from drivseg_ros.evaluation.replay import decode, stamp_ns
from drivseg_ros.image_codec import decode_labels
from drivseg_ros.image_files import IMAGE_SUFFIXES, find_images, find_labels, read_image, read_label
from drivseg_ros.model_card import UNLABELLED, ModelCard

_BAG_SUFFIXES = ('.mcap', '.db3', '.bag')
# A label lies beside its image in a bag. Without a limit, a bag in which it does not would be held
# in memory.
_PENDING_LIMIT = 64


@dataclass(frozen=True, eq=False)
class Frame:
    """One image and what it shows.

    Attributes:
        name: what to call it in messages: its file name, or its place and stamp in the bag.
        image: uint8 [H, W, 3] RGB.
        label: uint8 [H, W], UNLABELLED where nobody knows; or None.
    """

    name: str
    image: np.ndarray
    label: np.ndarray | None = None

    def check_label(self, card: ModelCard) -> None:
        """Looks whether the label's ids are classes of a model.

        Raises:
            DataError: if an id is neither a class nor UNLABELLED.
        """
        if self.label is None:
            return
        found = np.flatnonzero(np.bincount(self.label.ravel(), minlength=256)[:UNLABELLED])
        if found.size and found[-1] >= card.num_classes:
            raise DataError(
                f'the label of {self.name} has the ids {found.tolist()}, but the model '
                f'{card.name} has the classes '
                + ', '.join(f'{c.id} {c.name}' for c in card.classes)
                + f'; give labels in these ids ({UNLABELLED}: unlabelled), or none'
            )


class Frames(ABC):
    """A set of frames that can be gone through again and again.

    Attributes:
        description: where they come from, for a person.
        has_labels: whether every frame has a label.
        failed: what could not be decoded in the latest pass: name of the frame, and why. These
            frames are left out of the pass.
    """

    description: str
    has_labels: bool
    failed: dict[str, str]

    @abstractmethod
    def __len__(self) -> int:
        """The number of frames, those that will fail included."""

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]:
        """One pass.

        Raises:
            DataError: if a label cannot be read, or has not its image's size.
            BagError: if the bag is damaged.
        """

    @abstractmethod
    def take(self, places: Sequence[int]) -> Frames:
        """The frames at some places of this set only, in the order of the set."""


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
        frames = _open_bag(data, image_topic, label_topic)
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
            yield _frame(path.name, image, label)

    def take(self, places: Sequence[int]) -> FolderFrames:
        """See Frames."""
        kept = sorted(places)
        return FolderFrames(
            self.description,
            [self._images[i] for i in kept],
            None if self._labels is None else [self._labels[i] for i in kept],
        )


class BagFrames(Frames):
    """Images of a topic of a bag.

    Args:
        description: where they come from.
        bag: the bag.
        image_topic: raw or compressed images.
        label_topic: their labels, or None.
        wanted: (place in the topic, stamp in ns) of the images to take, in order.
    """

    def __init__(
        self,
        description: str,
        bag: Path,
        image_topic: str,
        label_topic: str | None,
        wanted: Sequence[tuple[int, int]],
    ) -> None:
        self.description = description
        self.has_labels = label_topic is not None
        self.failed = {}
        self._bag = bag
        self._image_topic = image_topic
        self._label_topic = label_topic
        self._wanted = wanted

    def __len__(self) -> int:
        return len(self._wanted)

    def __iter__(self) -> Iterator[Frame]:
        self.failed = {}
        places = {place for place, _ in self._wanted}
        stamps = {stamp for _, stamp in self._wanted}
        images: dict[int, tuple[str, BagMessage]] = {}
        labels: dict[int, BagMessage] = {}
        place = -1
        with BagReader(self._bag) as reader:
            for message in reader.messages(filter(None, (self._image_topic, self._label_topic))):
                stamp = stamp_ns(message)
                if message.topic == self._image_topic:
                    place += 1
                    if place not in places:
                        continue
                    images[stamp] = (f'image {place} ({stamp / 1e9:.9f} s)', message)
                elif stamp in stamps:
                    labels[stamp] = message
                if stamp in images and (stamp in labels or self._label_topic is None):
                    yield from self._decode(*images.pop(stamp), labels.pop(stamp, None))
                if len(images) + len(labels) > _PENDING_LIMIT:
                    raise DataError(
                        f"in '{self._bag}', labels lie more than {_PENDING_LIMIT} messages from "
                        'their images; record or write them interleaved'
                    )

    def take(self, places: Sequence[int]) -> BagFrames:
        """See Frames."""
        wanted = [self._wanted[i] for i in sorted(places)]
        return BagFrames(self.description, self._bag, self._image_topic, self._label_topic, wanted)

    def _decode(self, name: str, image: BagMessage, label: BagMessage | None) -> Iterator[Frame]:
        try:
            pixels = decode(image)
        except ImageError as error:
            self.failed[name] = str(error)
            return
        try:
            ids = None if label is None else decode_labels(label.message)
        except ImageError as error:
            raise DataError(f'the label of {name} cannot be used: {error}') from None
        yield _frame(name, pixels, ids)


def _open_bag(bag: Path, image_topic: str | None, label_topic: str | None) -> BagFrames:
    with BagReader(bag) as reader:
        if image_topic is None:
            there = [
                name
                for name, topic in reader.topics.items()
                if topic.msgtype in IMAGE_TYPES and name != label_topic
            ]
            if len(there) != 1:
                raise DataError(
                    f"bag '{bag}' has images on {', '.join(there) or 'no topic'}; name the one "
                    'to take (--image-topic)'
                )
            image_topic = there[0]
        for topic in filter(None, (image_topic, label_topic)):
            if reader.topic(topic).msgtype not in IMAGE_TYPES:
                raise DataError(
                    f"the topic {topic} of '{bag}' has the type {reader.topic(topic).msgtype}; "
                    f'allowed are {", ".join(IMAGE_TYPES)}: name another'
                )
        stamps: list[int] = []
        labelled: set[int] = set()
        for message in reader.messages(filter(None, (image_topic, label_topic))):
            if message.topic == image_topic:
                stamps.append(stamp_ns(message))
            else:
                labelled.add(stamp_ns(message))
    wanted = list(enumerate(stamps))
    description = f'{bag.resolve().name}, {image_topic}'
    if label_topic is not None:
        wanted = [(place, stamp) for place, stamp in wanted if stamp in labelled]
        description += f' with {label_topic}'
        if len(wanted) < len(stamps):
            description += f' ({len(stamps) - len(wanted)} images without a label left out)'
    if not wanted:
        raise DataError(
            f"bag '{bag}' has no images on {image_topic}"
            + ('' if label_topic is None else f' with labels of the same stamp on {label_topic}')
            + '; name other topics'
        )
    return BagFrames(description, bag, image_topic, label_topic, wanted)


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


def _frame(name: str, image: np.ndarray, label: np.ndarray | None) -> Frame:
    if label is not None and label.shape != image.shape[:2]:
        raise DataError(
            f'{name} is {image.shape[1]}x{image.shape[0]}, its label '
            f'{label.shape[1]}x{label.shape[0]}; they must have one size'
        )
    return Frame(name, image, label)
