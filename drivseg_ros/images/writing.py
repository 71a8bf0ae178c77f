# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Writing pictures and the planes of a segmentation, and never over what must not be lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from drivseg_ros.base.whole_file import whole_file
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


def write_planes(segmentation: Segmentation, *, mask: Path | None, confidence: Path | None) -> None:
    """Writes class ids and confidence, each as a PNG with one channel; None leaves one out.

    Raises:
        DataError: if a file cannot be written.
    """
    if mask is not None:
        write_picture(mask, segmentation.class_ids)
    if confidence is not None and segmentation.confidence is not None:
        write_picture(confidence, segmentation.confidence)
