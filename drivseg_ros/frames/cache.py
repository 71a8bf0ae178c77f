# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is made of frames once and read a hundred times, in files that every process maps.

Decoding a 1280x720 JPEG costs more than a training step at low resolution; so does the answer of
a teacher.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from drivseg_ros.errors import DataError
from drivseg_ros.images.resizing import resize_image

_COMPLETE = 'complete.json'
_AHEAD = 64

_T = TypeVar('_T')


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
    return (
        resize_image(image, width=width, height=height),
        cv2.resize(label, (width, height), interpolation=cv2.INTER_NEAREST_EXACT),
    )


def cached_arrays(
    folder: Path,
    *,
    key: str,
    count: int,
    shapes: Mapping[str, Sequence[int]],
    make: Callable[[], Iterable[Mapping[str, np.ndarray]]],
) -> dict[str, np.ndarray]:
    """Arrays from the cache folder, put there first if they are not.

    Two processes that want the same entry do not make it twice: one waits for the other. An entry
    whose making was interrupted is made again.

    Args:
        folder: The cache; it may be deleted when nobody reads it.
        key: What they are made of; another key is another entry.
        count: How many frames there are.
        shapes: The shape of one frame's array by name; all are uint8.
        make: Gives the arrays of the frames in order.

    Returns:
        By name an array uint8 [count, ...] that is read only, and kept in a file.

    Raises:
        DataError: If they cannot be written, or `make` gives another number of frames.
    """
    key_text = json.dumps([key, count, {name: list(shape) for name, shape in shapes.items()}])
    entry = folder / hashlib.sha256(key_text.encode()).hexdigest()[:20]
    try:
        entry.mkdir(parents=True, exist_ok=True)
        with _locked(entry):
            # Written last: an entry without it was interrupted.
            if not (entry / _COMPLETE).is_file():
                _fill(entry, count, shapes, make)
                (entry / _COMPLETE).write_text(key_text)
    except OSError as error:
        raise DataError(
            f'the cache {folder} cannot be written ({error.strerror or error}); make room, or '
            'name another folder'
        ) from None
    return {name: np.load(_file(entry, name), mmap_mode='r') for name in shapes}


def in_threads(make: Callable[[int], _T], count: int, *, threads: int) -> Iterator[_T]:
    """make(0), make(1), ... in order, made by several threads a little ahead of the reader."""
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, count, _AHEAD):
            yield from pool.map(make, range(start, min(start + _AHEAD, count)))


def _fill(
    entry: Path,
    count: int,
    shapes: Mapping[str, Sequence[int]],
    make: Callable[[], Iterable[Mapping[str, np.ndarray]]],
) -> None:
    arrays = {name: _create(_file(entry, name), (count, *shape)) for name, shape in shapes.items()}
    done = 0
    for index, made in enumerate(make()):
        if index < count:
            for name, array in arrays.items():
                array[index] = made[name]
        done += 1
    if done != count:
        raise DataError(
            f'{count} frames were to be cached, {done} came; has the data set changed meanwhile? '
            'Open it again'
        )
    for array in arrays.values():
        array.flush()


def _create(path: Path, shape: tuple[int, ...]) -> np.memmap:
    array = np.lib.format.open_memmap(path, mode='w+', dtype=np.uint8, shape=shape)
    # A full disk is met here, as an error; written through the map it would kill the process.
    with path.open('r+b') as file:
        os.posix_fallocate(file.fileno(), 0, array.offset + array.nbytes)
    return array


def _file(entry: Path, name: str) -> Path:
    return entry / f'{name}.npy'


@contextmanager
def _locked(entry: Path) -> Iterator[None]:
    """Keeps other processes out; the system frees the lock of a process that dies."""
    with (entry / 'lock').open('w') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
