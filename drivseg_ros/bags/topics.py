# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which topics of a bag a command means: the one way to find them.

`/compressed` need not be typed: `/camera/image_raw` also names `/camera/image_raw/compressed` where
only that is in the bag. Images need no name where a bag has those of a single camera.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from drivseg_ros.bags.dataset_info import DatasetInfo
from drivseg_ros.bags.reader import BagReader
from drivseg_ros.bags.typestore import IMAGE_TYPES
from drivseg_ros.base.topics import COMPRESSED, GROUND_TOPICS, OUTPUTS, output_topic, raw_topic
from drivseg_ros.errors import BagError, ParameterError


@dataclass(frozen=True)
class BagTopics:
    """The topics of an evaluation in a bag.

    Args:
        image: raw or compressed images, which the network is run on; where there are masks, only
            their stamps are taken, to know what was dropped. None: those of the only camera.
        label: labels (mono8) with the images' stamps; None: there are none.
        mask: masks that are there already; None: the network makes them.
        confidence: beside the masks.

    Raises:
        ParameterError: if topics contradict each other.
    """

    image: str | None = None
    label: str | None = None
    mask: str | None = None
    confidence: str | None = None

    def __post_init__(self) -> None:
        if self.confidence is not None and self.mask is None:
            raise ParameterError(
                f'the confidence {self.confidence} was named without the masks it belongs to; '
                'name them (--mask-topic)'
            )
        named = [t for t in (self.image, self.label, self.mask, self.confidence) if t is not None]
        if len(set(named)) != len(named):
            raise ParameterError(
                f'the topics of images, labels, masks and confidence must differ; they are {named}'
            )


def resolve_topics(
    reader: BagReader, asked: BagTopics, *, info: DatasetInfo | None = None
) -> BagTopics:
    """The topics as they are named in a bag, their types checked.

    What was not asked for is taken from the data set that the bag was made of, if its images are
    the ones that are taken; images that are still unknown are those of the only camera.

    Args:
        reader: the bag.
        asked: the topics as a user names them.
        info: the data set that the bag was made of, if it was (`dataset_info.read_dataset_info`).

    Raises:
        BagError: if a topic is not there or holds something else, or the images are not clear.
    """
    planes = {
        what: find_topic(reader, topic, types=IMAGE_TYPES[:1])
        for what in ('label', 'mask', 'confidence')
        if (topic := getattr(asked, what)) is not None
    }
    if info is not None and info.image_topic not in reader.topics:
        info = None  # its topics have other names now: it describes none of these
    image = asked.image
    if image is not None:
        image = find_topic(reader, image, types=IMAGE_TYPES)
    elif asked.mask is None:
        image = info.image_topic if info else _only_images(reader, planes.values())
    own = info is not None and image in (None, info.image_topic)
    if info is not None and own and info.label_topic in reader.topics:
        planes.setdefault('label', info.label_topic)
    return dataclasses.replace(asked, image=image, **planes)


def find_topic(reader: BagReader, name: str, *, types: tuple[str, ...] = ()) -> str:
    """The topic that a user means.

    Args:
        reader: the bag.
        name: as the user writes it, with or without `/compressed`.
        types: the message types that are allowed; () for any.

    Raises:
        BagError: if it is not there; the text lists those that are. If it has another type.
    """
    names = (name, f'{name}{COMPRESSED}', raw_topic(name))
    found = reader.topic(next((n for n in names if n in reader.topics), name))
    if types and found.msgtype not in types:
        meaning = '' if types == IMAGE_TYPES else ' (mono8, a class id per pixel)'
        raise BagError(
            f"the topic {found.name} of '{reader.path}' has the type {found.msgtype}; allowed are "
            f'{", ".join(types)}{meaning}: name another'
        )
    return found.name


def _only_images(reader: BagReader, others: Iterable[str]) -> str:
    """The images of the only camera: raw rather than compressed, if there are both."""
    images = [n for n, t in reader.topics.items() if t.msgtype in IMAGE_TYPES]
    made = {
        output_topic(raw_topic(n), output)
        for n in images
        for output in (*OUTPUTS, *chain(*GROUND_TOPICS.values()))
    } | set(others)
    there = {raw_topic(n): n for n in sorted(images, reverse=True) if raw_topic(n) not in made}
    if not there:
        besides = f' besides {", ".join(named)}' if (named := sorted(others)) else ''
        raise BagError(
            f"bag '{reader.path}' has no images{besides} ({', '.join(IMAGE_TYPES)}); give a bag "
            'of a camera'
        )
    if len(there) != 1:
        raise BagError(
            f"bag '{reader.path}' has images on {', '.join(sorted(there))}; name the ones to take "
            '(--image-topic)'
        )
    return next(iter(there.values()))
