# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames from a bag: its images, with the labels of the same stamps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from drivseg_ros.bags.image_messages import decode, stamp_ns
from drivseg_ros.bags.reader import BagMessage, BagReader
from drivseg_ros.bags.topics import BagTopics, resolve_topics
from drivseg_ros.errors import DataError, ImageError
from drivseg_ros.frames.frame_set import Frame, Frames, pair
from drivseg_ros.images.codec import decode_labels

# A label lies beside its image in a bag. Without a limit, a bag in which it does not would be held
# in memory.
_PENDING_LIMIT = 64


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
        yield pair(name, pixels, ids)


def open_bag(bag: Path, image_topic: str | None, label_topic: str | None) -> BagFrames:
    """Finds the images of a topic, and which of them have a label.

    Args:
        bag: the bag.
        image_topic: raw or compressed images; None if only one topic holds images.
        label_topic: class ids (mono8) with the images' stamps, or None. Images without a label
            are left out then.

    Raises:
        DataError: if there are no such frames.
        BagError: if the bag or a topic cannot be read.
    """
    with BagReader(bag) as reader:
        topics = resolve_topics(reader, BagTopics(image_topic, label_topic))
        image_topic, label_topic = str(topics.image), topics.label
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
