# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Images in files: which there are in a folder, and reading one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from drivseg_ros.base.natural import natural_key
from drivseg_ros.errors import DataError, ImageError
from drivseg_ros.images.compression import decode_picture, read_header
from drivseg_ros.images.exif import turn_upright
from drivseg_ros.images.other_pictures import SUFFIXES, decode_other, other_format

WRITTEN_SUFFIXES = ('.jpg', '.jpeg', '.png')
IMAGE_SUFFIXES = (*WRITTEN_SUFFIXES, *SUFFIXES)
MASK_ENDING = '_mask'
"""At the end of a mask's name where it lies beside its picture: x_mask.png beside x.jpg."""
# KITTI raw keeps a drive's pictures in a folder 'data'; most data sets call it 'images'.
_INNER_FOLDERS = ('data', 'images')
_REASONS = {
    'empty': 'it is empty; fetch it again',
    'codec': 'it is none of JPEG, PNG, WebP, AVIF, BMP and TIFF; convert it',
    'truncated': 'it ends too early; fetch it again',
    'jpeg': 'it is a damaged JPEG; fetch it again',
    'png': 'it is a damaged PNG; fetch it again',
}
"""By `ImageError.kind`."""


def is_picture(path: Path) -> bool:
    """Whether it is a picture by its name; the ._x.jpg beside x.jpg of a Mac's card is none."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith('.')


def without_masks(files: Sequence[Path]) -> list[Path]:
    """Pictures without the masks that lie beside them."""
    stems = {(f.parent, f.stem) for f in files}
    return [
        f
        for f in files
        if f.suffix.lower() != '.png'
        or not f.stem.endswith(MASK_ENDING)
        or (f.parent, f.stem.removesuffix(MASK_ENDING)) not in stems
    ]


def masks_beside(pictures: Sequence[Path]) -> int:
    """How many masks beside these pictures of a folder `find_images` left out."""
    return len(_files(pictures[0].parent)) - len(pictures)


def find_images(folder: Path) -> list[Path]:
    """The pictures of a folder, or of the one folder 'data' or 'images' in it, without masks.

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


def orientation_of(data: bytes) -> int:
    """How a JPEG or PNG file says that it is turned when shown, 1 to 8; 1 of any other file."""
    try:
        return read_header(data).orientation
    except ImageError:
        return 1


def decode_image_file(path: Path, data: bytes) -> np.ndarray:
    """The picture in a file's bytes as viewers show it, uint8 [H, W, 3] RGB: turned as EXIF says.

    Messages are not turned: their pixels and camera_info belong together.

    Raises:
        DataError: if it cannot be decoded.
    """
    try:
        if other_format(data):
            return decode_other(data)
        return turn_upright(decode_picture(data), read_header(data).orientation)
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
    return without_masks(_files(folder))


def _files(folder: Path) -> list[Path]:
    # A link that leads nowhere stays: reading it says so.
    return [f for f in folder.iterdir() if is_picture(f) and (f.is_file() or not f.exists())]
