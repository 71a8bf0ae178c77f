# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Writing pictures and the planes of a segmentation, and never over what must not be lost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from drivseg_ros.base.whole_file import whole_file
from drivseg_ros.errors import DataError
from drivseg_ros.images.compression import encode_jpeg, encode_png
from drivseg_ros.model.segmentation import Segmentation

# Overlays are looked at, and compressed once more in slides and mails.
_JPEG_QUALITY = 95


def write_picture(path: Path, picture: np.ndarray) -> None:
    """Writes a picture as JPEG or PNG, as the file's name ends.

    Args:
        path: ends in .jpg, .jpeg or .png.
        picture: uint8 [H, W, 3] RGB, or [H, W] for a PNG with one channel.

    Raises:
        DataError: if it cannot be written.
    """
    if path.suffix.lower() in ('.jpg', '.jpeg'):
        data = encode_jpeg(picture, quality=_JPEG_QUALITY)
    else:
        data = encode_png(picture)
    with whole_file(path) as partial:
        partial.write_bytes(data)


def check_folder(folder: Path, *, overwrite: bool) -> None:
    """Sees to it that planes may be written into a folder.

    Raises:
        DataError: if it is a file, or holds something and must stay as it is.
    """
    if folder.exists() and not folder.is_dir():
        raise DataError(f"'{folder}' is a file; name a folder")
    if not overwrite and folder.is_dir() and any(folder.iterdir()):
        raise DataError(
            f"the folder '{folder}' is not empty; name a new one, or replace files of the same "
            'names with --overwrite'
        )


def write_planes(segmentation: Segmentation, *, mask: Path | None, confidence: Path | None) -> None:
    """Writes class ids and confidence, each as a PNG with one channel; None leaves one out.

    Raises:
        DataError: if a file cannot be written.
    """
    if mask is not None:
        write_picture(mask, segmentation.class_ids)
    if confidence is not None and segmentation.confidence is not None:
        write_picture(confidence, segmentation.confidence)


def check_targets(targets: Sequence[Path], sources: Sequence[Path], *, overwrite: bool) -> None:
    """Sees to it that files may be written, before the work begins.

    Args:
        targets: what will be written.
        sources: what will be read.
        overwrite: whether targets that are there may be replaced.

    Raises:
        DataError: if a target is a source, is named twice, or is there and must stay.
    """
    places = [t.resolve() for t in targets]
    read = {s.resolve() for s in sources}
    for target, place in zip(targets, places, strict=True):
        if place in read:
            raise DataError(
                f"'{target}' would be written over the input of the same name; give another "
                '--output'
            )
    if len(set(places)) != len(places):
        twice = next(p for p in places if places.count(p) > 1)
        raise DataError(
            f"'{twice}' would be written twice; rename one of two pictures that differ only in "
            'their endings, or name a folder each for masks and confidence'
        )
    there = [t for t in targets if t.exists()]
    if there and not overwrite:
        more = f' and {len(there) - 1} more are' if len(there) > 1 else ' is'
        raise DataError(
            f"'{there[0]}'{more} there already; replace with --overwrite, or give another --output"
        )
