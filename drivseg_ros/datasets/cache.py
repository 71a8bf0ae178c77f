# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames decoded and resized once, kept in files that every loading process maps.

Decoding a 1280x720 JPEG costs more than a training step at low resolution, and a network sees each
frame a hundred times. The labels are kept as the data set tells them, so that another mapping to a
network's classes needs no new cache.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from drivseg_ros.datasets.base import Dataset, Sample
from drivseg_ros.errors import DataError
from drivseg_ros.model_card import ModelClass

_FORMAT = 1
_INDEX, _IMAGES, _LABELS = 'names.json', 'images.npy', 'labels.npy'
_BYTES_PER_PIXEL = 4  # three colours and a label
_MAX_WORKERS = 8

Progress = Callable[[int, int], None]
"""Is told how many frames are done, and of how many."""


@dataclass(frozen=True)
class CachedDataset:
    """A data set whose frames lie in a cache, all of one size (see `base.Dataset`).

    Args:
        name: The name of the data set behind it.
        classes: Its classes.
        identity: Its identity and the size.
        entry: The folder of the cache that holds it.
    """

    name: str
    classes: tuple[ModelClass, ...]
    identity: str
    entry: Path

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The frames' names, in order."""
        return tuple(json.loads((self.entry / _INDEX).read_text()))

    @cached_property
    def images(self) -> np.ndarray:
        """All images, uint8 [N, H, W, 3] RGB, mapped and read-only."""
        return np.load(self.entry / _IMAGES, mmap_mode='r')

    @cached_property
    def labels(self) -> np.ndarray:
        """All labels, uint8 [N, H, W], mapped and read-only."""
        return np.load(self.entry / _LABELS, mmap_mode='r')

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        return Sample(self.names[index], np.array(self.images[index]), self.label_only(index))

    def label_only(self, index: int) -> np.ndarray:
        """The label of a frame, uint8 [H, W]."""
        return np.array(self.labels[index])

    def __getstate__(self) -> dict[str, Any]:
        # A mapped array is pickled with all it maps; a loading process maps it by itself.
        return {k: v for k, v in self.__dict__.items() if k not in ('images', 'labels')}


def resize_frame(
    image: np.ndarray, label: np.ndarray, *, width: int, height: int
) -> tuple[np.ndarray, np.ndarray]:
    """Stretch a frame to a size, the image as `Segmenter` does it, the label to the nearest.

    Args:
        image: uint8 [H, W, 3].
        label: uint8 [H, W].
        width: Width to stretch to, in pixels.
        height: Height likewise.

    Returns:
        uint8 [height, width, 3] and uint8 [height, width]; the arrays given if they have this
        size.
    """
    in_height, in_width = label.shape
    if (in_width, in_height) == (width, height):
        return image, label
    shrinks = in_width >= width and in_height >= height
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return (
        cv2.resize(image, (width, height), interpolation=interpolation),
        cv2.resize(label, (width, height), interpolation=cv2.INTER_NEAREST_EXACT),
    )


def cache_dataset(
    dataset: Dataset,
    folder: Path,
    *,
    width: int,
    height: int,
    workers: int = 0,
    progress: Progress | None = None,
) -> CachedDataset:
    """The data set in a size, from the cache folder; put there first if it is not.

    Two processes that want the same entry do not make it twice: one waits for the other. An entry
    that was interrupted is made again.

    Args:
        dataset: Where the frames come from.
        folder: The cache; it may be deleted at any time when nobody trains.
        width: Width of the cached frames in pixels.
        height: Height likewise.
        workers: Threads that decode; 0: as many as there are CPU cores, at most 8.
        progress: Is told of every frame that is done.

    Raises:
        DataError: If a frame cannot be used, or the disk has too little room.
    """
    identity = f'{dataset.identity}-{width}x{height}'
    digest = hashlib.sha256(f'{_FORMAT}|{identity}'.encode()).hexdigest()[:20]
    entry = folder / digest
    entry.mkdir(parents=True, exist_ok=True)
    with _locked(entry):
        # Written last: an entry without it was interrupted.
        if not (entry / _INDEX).is_file():
            _fill(entry, dataset, width, height, workers, progress)
    return CachedDataset(dataset.name, dataset.classes, identity, entry)


def _fill(
    entry: Path,
    dataset: Dataset,
    width: int,
    height: int,
    workers: int,
    progress: Progress | None,
) -> None:
    count = len(dataset)
    _check_room(entry, count * width * height * _BYTES_PER_PIXEL, dataset.name)
    images = _create(entry / _IMAGES, (count, height, width, 3))
    labels = _create(entry / _LABELS, (count, height, width))

    def put(index: int) -> None:
        sample = dataset[index]
        images[index], labels[index] = resize_frame(
            sample.image, sample.label, width=width, height=height
        )

    threads = workers or min(len(os.sched_getaffinity(0)), _MAX_WORKERS)
    with ThreadPoolExecutor(threads) as pool:
        try:
            for done, _ in enumerate(pool.map(put, range(count)), 1):
                if progress is not None:
                    progress(done, count)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    images.flush()
    labels.flush()
    partial = entry / f'{_INDEX}.partial'
    partial.write_text(json.dumps(list(dataset.names)))
    partial.replace(entry / _INDEX)


def _create(path: Path, shape: tuple[int, ...]) -> np.memmap:
    return np.lib.format.open_memmap(path, mode='w+', dtype=np.uint8, shape=shape)


def _check_room(entry: Path, needed: int, name: str) -> None:
    lying = sum(f.stat().st_size for f in entry.iterdir())
    free = shutil.disk_usage(entry).free + lying
    if free < needed:
        raise DataError(
            f'the cache of {name} needs {needed / 1e9:.1f} GB in {entry.parent}, where '
            f'{free / 1e9:.1f} GB are free; make room, name another folder, or cache smaller frames'
        )


@contextmanager
def _locked(entry: Path) -> Iterator[None]:
    """Keeps other processes out; the system frees the lock of a process that dies."""
    with (entry / 'lock').open('w') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
