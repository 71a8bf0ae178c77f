# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bags of a few images, labels and names, for tests of what becomes of them as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from bag_files import STRING
from dataset_folders import encoded, label, picture

from drivseg_ros.bags import messages
from drivseg_ros.bags.to_images import ImageFolderOptions, MadeImages, images_from_bag
from drivseg_ros.bags.typestore import standard_types
from drivseg_ros.bags.writer import BagWriter

IMAGE, COMPRESSED = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage'
STAMP_NS = 1_700_000_000_000_000_000
Message = tuple[str, int, Any]


def stamp(number: int) -> int:
    return STAMP_NS + number * 50_000_000


def image(number: int, pixels: np.ndarray | None = None) -> Message:
    pixels = picture(number) if pixels is None else pixels
    content = messages.image(pixels, encoding='bgr8', stamp_ns=stamp(number), frame_id='c')
    return '/image', number, content


def file(number: int, data: bytes) -> Message:
    sound = encoded('.jpg', picture(0))
    content = messages.compressed_image(sound, stamp_ns=stamp(number), frame_id='c')
    content.data = np.frombuffer(data, np.uint8)
    return '/image', number, content


def plane(number: int, ids: np.ndarray | None = None, topic: str = '/label') -> Message:
    ids = label(number) if ids is None else ids
    content = messages.image(ids, encoding='mono8', stamp_ns=stamp(number), frame_id='c')
    return topic, number, content


def name(number: int, text: str) -> Message:
    return '/name', number, messages.header(stamp(number), text)


def write(path: Path, *content: Message) -> Path:
    """A bag with these, in this order."""
    with BagWriter(path) as writer:
        for number, (topic, _, message) in enumerate(content):
            if topic not in writer.counts:
                kind = message.__msgtype__ if hasattr(message, '__msgtype__') else IMAGE
                writer.add_topic(topic, kind)
            writer.write(topic, STAMP_NS + number, message)
    return path


def take(bag: Path, output: Path, *, told: list[str] | None = None, **options: Any) -> MadeImages:
    chosen = ImageFolderOptions(output, **options)
    return images_from_bag(bag, chosen, on_failure=[].append if told is None else told.append)


def files(folder: Path) -> list[str]:
    return sorted(str(f.relative_to(folder)) for f in folder.rglob('*') if f.is_file())


JPEGS = [file(i, encoded('.jpg', picture(i))) for i in range(4)]
LABELS = [plane(i) for i in range(4)]


def plain(path: Path) -> Path:
    return write(path, *JPEGS, *LABELS, name(0, 'a'), ('/text', 0, _text()))


def _text() -> Any:
    return standard_types().types[STRING](data='x')
