# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A bag whose right answers are known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drivseg_ros.bags import messages
from drivseg_ros.bags.typestore import LABEL_INFO
from drivseg_ros.bags.writer import BagWriter
from drivseg_ros.model.card import BDD100K_CLASSES

START_NS = 1_700_000_000_000_000_000
PERIOD_NS = 50_000_000


@dataclass(frozen=True)
class ColorBag:
    """A bag of images that the tiny model segments without error.

    Attributes:
        path: the bag.
        images: uint8 [H, W, 3] RGB, in order; the tiny model's classes are their argmax.
        stamps_ns: their header stamps.
    """

    path: Path
    images: list[np.ndarray]
    stamps_ns: list[int]


def color_image(seed: int, *, height: int = 96, width: int = 128) -> np.ndarray:
    """Blocks of pure red, green and blue."""
    rng = np.random.default_rng(seed)
    colors = np.eye(3, dtype=np.uint8)[rng.integers(0, 3, (height // 8, width // 8))] * 255
    return colors.repeat(8, 0).repeat(8, 1)


def write_color_bag(path: Path, *, frames: int = 10, wrong_label: int | None = None) -> ColorBag:
    """Writes images to /cam/image_raw, their labels to /cam/label, and what these mean.

    Args:
        path: the new bag.
        frames: how many.
        wrong_label: the frame whose label is all 2.
    """
    images = [color_image(i) for i in range(frames)]
    stamps = [START_NS + i * PERIOD_NS for i in range(frames)]
    with BagWriter(path) as writer:
        writer.add_topic('/cam/image_raw', 'sensor_msgs/msg/Image')
        writer.add_topic('/cam/label', 'sensor_msgs/msg/Image')
        writer.add_topic('/cam/label_info', LABEL_INFO)
        writer.write('/cam/label_info', START_NS, messages.label_info(BDD100K_CLASSES))
        for i, (image, stamp) in enumerate(zip(images, stamps, strict=True)):
            label = image.argmax(-1).astype(np.uint8)
            if i == wrong_label:
                label[:] = 2
            for topic, pixels, encoding in (
                ('/cam/image_raw', image, 'rgb8'),
                ('/cam/label', label, 'mono8'),
            ):
                message = messages.image(
                    pixels, encoding=encoding, stamp_ns=stamp, frame_id='camera'
                )
                writer.write(topic, stamp + 7, message)
    return ColorBag(path=path, images=images, stamps_ns=stamps)
