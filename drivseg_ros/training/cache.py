# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames decoded and resized once, kept in files that every loading process maps.

Decoding a 1280x720 JPEG costs more than a training step at low resolution; a network sees each
frame a hundred times.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from drivseg_ros.model_card import UNLABELLED
from drivseg_ros.training.targets import ANY_DRIVABLE

Frame = tuple[str, np.ndarray, np.ndarray]
"""Name, image uint8 [H, W, 3] RGB, target uint8 [H, W]."""


@dataclass(frozen=True)
class CachedFrames:
    """Frames of one size.

    Args:
        names: Name by index.
        images: uint8 [M, height, width, 3] RGB.
        targets: uint8 [M, height, width].
    """

    names: tuple[str, ...]
    images: np.ndarray
    targets: np.ndarray

    def __len__(self) -> int:
        return len(self.names)


def resize_frame(
    image: np.ndarray, target: np.ndarray, *, width: int, height: int
) -> tuple[np.ndarray, np.ndarray]:
    """Stretch a frame to a size, the image as `Segmenter` does it, the target to the nearest."""
    in_height, in_width = target.shape
    if (in_width, in_height) == (width, height):
        return image, target
    shrinks = in_width >= width and in_height >= height
    return (
        cv2.resize(
            image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        ),
        cv2.resize(target, (width, height), interpolation=cv2.INTER_NEAREST_EXACT),
    )


def cached_frames(
    folder: Path,
    *,
    key: str,
    count: int,
    frames: Callable[[], Iterable[Frame]],
    width: int,
    height: int,
) -> CachedFrames:
    """The frames from the cache folder, put there first if they are not.

    Args:
        folder: The cache.
        key: What the frames are; another key is another entry.
        count: How many frames there are.
        frames: Gives them.
        width: Width of the cached frames.
        height: Height of the cached frames.
    """
    digest = hashlib.sha256(f'{key}|{count}|{width}x{height}'.encode()).hexdigest()[:16]
    entry = folder / digest
    index = entry / 'names.json'
    if not index.is_file():
        entry.mkdir(parents=True, exist_ok=True)
        images = np.lib.format.open_memmap(
            entry / 'images.npy', mode='w+', dtype=np.uint8, shape=(count, height, width, 3)
        )
        targets = np.lib.format.open_memmap(
            entry / 'targets.npy', mode='w+', dtype=np.uint8, shape=(count, height, width)
        )
        names = []
        for i, (name, image, target) in enumerate(frames()):
            images[i], targets[i] = resize_frame(image, target, width=width, height=height)
            names.append(name)
        images.flush()
        targets.flush()
        # Written last: an entry without it is one that was interrupted, and is made again.
        index.write_text(json.dumps(names))
    return CachedFrames(
        tuple(json.loads(index.read_text())),
        np.load(entry / 'images.npy', mmap_mode='r'),
        np.load(entry / 'targets.npy', mmap_mode='r'),
    )


def keep_drivable(target: np.ndarray, drivable: np.ndarray) -> np.ndarray:
    """Road whose lane nobody told counts as drivable only where a second opinion agrees.

    KITTI's and CamVid's road contains oncoming lanes, which BDD100K calls background. Where the
    second opinion says no, the pixel is left unlabelled.

    Args:
        target: uint8 [H, W].
        drivable: bool [H, W], the second opinion.
    """
    doubtful = (target == ANY_DRIVABLE) & ~drivable
    return np.where(doubtful, np.uint8(UNLABELLED), target)
