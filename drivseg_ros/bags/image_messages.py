# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Images in a bag: the pixels and the stamp of a message, the rate of a topic."""

from __future__ import annotations

import numpy as np

from drivseg_ros.bags.reader import BagMessage, BagReader
from drivseg_ros.bags.typestore import IMAGE_TYPES
from drivseg_ros.errors import BagError
from drivseg_ros.images.codec import decode_compressed_image, decode_image

IMAGE, COMPRESSED_IMAGE = IMAGE_TYPES


def decode(message: BagMessage) -> np.ndarray:
    """The image in a bag's message, uint8 [H, W, 3] RGB.

    Raises:
        ImageError: if it cannot be decoded.
        BagError: if the message is damaged.
    """
    if message.msgtype == COMPRESSED_IMAGE:
        return decode_compressed_image(message.message)
    return decode_image(message.message)


def stamp_ns(message: BagMessage) -> int:
    """The stamp of an image or label message, in nanoseconds.

    Raises:
        BagError: if its type has no header.
    """
    stamp = message.header_stamp_ns
    if stamp is None:
        raise BagError(
            f'{message.topic} has the type {message.msgtype}, which has no header; '
            'name a topic with images'
        )
    return stamp


def image_rate_hz(reader: BagReader, topic: str) -> float:
    """Frames a second of a topic, as recorded; 10 where the bag does not say.

    Raises:
        BagError: if the topic is not there or holds no images.
    """
    found = reader.topic(topic)
    if found.msgtype not in IMAGE_TYPES:
        there = [n for n, t in reader.topics.items() if t.msgtype in IMAGE_TYPES]
        raise BagError(
            f'the topic {topic!r} has the type {found.msgtype}; '
            f'images are at {", ".join(there) or "no topic of this bag"}: name one of these'
        )
    return (found.count - 1) / reader.duration_s if reader.duration_s > 0 < found.count - 1 else 10
