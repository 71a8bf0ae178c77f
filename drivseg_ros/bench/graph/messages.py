# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The messages of a benchmark: made once, kept in memory, with a hash that names them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from drivseg_ros.bags.live import message_class
from drivseg_ros.bench.streets import describe_streets, streets
from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.images.arrays import contiguous
from drivseg_ros.images.codec import encode_jpeg, fill_compressed_image, fill_image
from drivseg_ros.images.resizing import resize_image

TRANSPORTS = ('raw', 'compressed')
_FRAME_ID = 'camera'
_ENCODING = 'bgr8'


@dataclass(frozen=True)
class InputChoice:
    """What is sent.

    Attributes:
        width: of the images; pictures of another size are resized.
        height: likewise.
        transport: 'raw' (sensor_msgs/Image, bgr8) or 'compressed' (CompressedImage, JPEG).
        frames: how many different ones, sent in turn.
        data: a folder of pictures or a bag; None for rendered streets.
        image_topic: of a bag.
        quality: of JPEG.

    Raises:
        ParameterError: if one of them is not allowed.
    """

    width: int
    height: int
    transport: str = 'raw'
    frames: int = 10
    data: Path | None = None
    image_topic: str | None = None
    quality: int = 90

    def __post_init__(self) -> None:
        if self.transport not in TRANSPORTS:
            raise ParameterError(
                f'the transport {self.transport!r} is unknown; allowed are {", ".join(TRANSPORTS)}'
            )
        if self.frames < 1:
            raise ParameterError(f'{self.frames} frames were asked for; give 1 or more')


@dataclass(frozen=True, eq=False)
class InputMessages:
    """Messages ready to be sent.

    Attributes:
        messages: of rclpy.
        sha256: of their sizes, encodings and data, in order.
        description: where they come from, for a person.
    """

    messages: tuple[Any, ...]
    sha256: str
    description: str

    @property
    def mean_bytes(self) -> int:
        """The mean size of their data."""
        return sum(len(m.data) for m in self.messages) // len(self.messages)


def make_messages(choice: InputChoice) -> InputMessages:
    """Reads or renders pictures and makes messages of them.

    Raises:
        DataError: if there are no pictures.
        BagError: if the bag cannot be read.
        MissingDependencyError: if ROS 2's messages are not installed.
    """
    images, description = _images(choice)
    compressed = choice.transport == 'compressed'
    kind = message_class(f'sensor_msgs/msg/{"CompressedImage" if compressed else "Image"}')
    digest = hashlib.sha256()
    messages = []
    for image in images:
        if compressed:
            message = fill_compressed_image(kind(), encode_jpeg(image, quality=choice.quality))
        else:
            bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
            message = fill_image(kind(), bgr, encoding=_ENCODING)
        message.header.frame_id = _FRAME_ID
        form = message.format if compressed else message.encoding
        digest.update(f'{choice.width}x{choice.height} {form}\n'.encode())
        digest.update(message.data)
        messages.append(message)
    return InputMessages(tuple(messages), digest.hexdigest(), description)


def _images(choice: InputChoice) -> tuple[list[np.ndarray], str]:
    """Pictures of the size wanted, uint8 [H, W, 3] RGB, and where they come from."""
    if choice.data is None:
        images = streets(choice.frames, choice.width, choice.height)
        return images, describe_streets(f'seeds 1 to {choice.frames}')
    from drivseg_ros.evaluation.open_source import open_source
    from drivseg_ros.frames.source import ReadableFrames

    source = open_source(
        choice.data,
        image_topic=choice.image_topic,
        with_labels=False,
        limit=choice.frames,
        evenly=True,
    )
    frames = ReadableFrames(source)
    images = [
        resize_image(contiguous(frame.pixels()), width=choice.width, height=choice.height)
        for frame in frames
    ]
    if not images:
        reasons = '; '.join(f'{name}: {why}' for name, why in frames.failed.items())
        raise DataError(f"no picture of '{choice.data}' can be read: {reasons}")
    return images, f'{len(images)} frames of {source.title}, resized'
