# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Images and labels in files: which there are in a folder, which belong together, reading one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from drivseg_ros.base.natural import natural_key
from drivseg_ros.errors import DataError, ImageError
from drivseg_ros.images.compression import decode_picture

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png')
# KITTI raw keeps a drive's pictures in a folder 'data'; most data sets call it 'images'.
_INNER_FOLDERS = ('data', 'images')
_REASONS = {
    'empty': 'it is empty; fetch it again',
    'codec': 'it is neither JPEG nor PNG; convert it',
    'truncated': 'it ends too early; fetch it again',
    'jpeg': 'it is a damaged JPEG; fetch it again',
    'png': 'it is a damaged PNG; fetch it again',
}
"""By `ImageError.kind`."""


def find_images(folder: Path) -> list[Path]:
    """The pictures of a folder, or of the one folder 'data' or 'images' in it.

    Returns:
        At least one path, in the order in which people number files.

    Raises:
        DataError: if there is no such folder, or no picture.
    """
    if not folder.is_dir():
        raise DataError(f"'{folder}' is no folder; give the folder that holds the pictures")
    if not _pictures(folder):
        inner = [folder / name for name in _INNER_FOLDERS if (folder / name).is_dir()]
        folder = inner[0] if len(inner) == 1 else folder
    files = _pictures(folder)
    if not files:
        raise DataError(f"folder '{folder}' holds no picture; allowed: {', '.join(IMAGE_SUFFIXES)}")
    return sorted(files, key=lambda f: natural_key(f.name))


def find_labels(images: Sequence[Path], folder: Path) -> tuple[list[Path], int]:
    """The labels of pictures: a PNG of the same name for each.

    Args:
        images: the pictures.
        folder: the folder with the labels.

    Returns:
        The labels in the pictures' order, and how many more labels the folder has.

    Raises:
        DataError: if there is no such folder, a label is missing, or two pictures share one.
    """
    if not folder.is_dir():
        raise DataError(f"'{folder}' is no folder; give the folder that holds the labels")
    stems = [i.stem for i in images]
    if len(set(stems)) != len(stems):
        twice = next(s for s in stems if stems.count(s) > 1)
        raise DataError(f"two pictures are named '{twice}'; labels go by name, so rename one")
    by_stem = {f.stem: f for f in folder.iterdir() if f.suffix.lower() == '.png'}
    missing = [i.name for i in images if i.stem not in by_stem]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(images)} pictures have no label in '{folder}', the first is "
            f'{missing[0]}; a .png of the same name is needed for each'
        )
    return [by_stem[s] for s in stems], len(by_stem) - len(stems)


def decode_image_file(path: Path, data: bytes) -> np.ndarray:
    """The picture in a file's bytes, as uint8 [H, W, 3] RGB.

    Raises:
        DataError: if it cannot be decoded.
    """
    try:
        return decode_picture(data)
    except ImageError as error:
        # decode_picture speaks of topics and drivers.
        reason = _REASONS.get(error.kind, str(error))
        raise DataError(f"picture '{path}' cannot be used: {reason}") from error


def read_image(path: Path) -> np.ndarray:
    """An image file as uint8 [H, W, 3] RGB.

    Raises:
        DataError: if it cannot be read or decoded.
    """
    return decode_image_file(path, read_bytes(path))


def read_label(path: Path) -> np.ndarray:
    """A label: a PNG with one channel of class ids, as uint8 [H, W].

    Raises:
        DataError: if it cannot be read, or is anything else.
    """
    data = np.frombuffer(read_bytes(path), np.uint8)
    label = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    if label is None:
        raise DataError(f"label '{path}' is no picture; a PNG with one class id a pixel is needed")
    if label.ndim != 2 or label.dtype != np.uint8:
        channels = 1 if label.ndim == 2 else label.shape[2]
        raise DataError(
            f"label '{path}' has {channels} channels of {label.dtype}; a PNG with one channel of "
            'uint8 class ids is needed (colours must be turned into ids first)'
        )
    return label


def read_bytes(path: Path) -> bytes:
    """A file's bytes.

    Raises:
        DataError: if it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"'{path}' cannot be read: {error}") from error


def _pictures(folder: Path) -> list[Path]:
    return [f for f in folder.iterdir() if f.suffix.lower() in IMAGE_SUFFIXES and f.is_file()]
