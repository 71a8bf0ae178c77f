# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Arrays that are pictures: what is allowed to be one, and how they are brought into shape."""

from __future__ import annotations

import cv2
import numpy as np

from drivseg_ros.errors import ImageError

MAX_SIDE = 16384
"""The longest side of an image that is taken for one, in pixels."""
MAX_PIXELS = 256_000_000
"""The most pixels of an image that is taken for one."""
MAX_DECODED_PIXELS = 50_000_000
"""The most pixels that are decoded unless somebody says otherwise: what a decoder takes in time
and memory goes by them, and cameras of vehicles have a tenth of that."""


def check_size(width: int, height: int, *, max_pixels: int = MAX_PIXELS) -> None:
    """Refuses an image without pixels and one too large to be true.

    Args:
        width: in pixels.
        height: in pixels.
        max_pixels: how many it may have; more than MAX_PIXELS changes nothing.

    Raises:
        ImageError: with the kind 'empty' or 'size'.
    """
    if width <= 0 or height <= 0:
        raise ImageError(
            f'an image of {width} x {height} pixels is empty; it needs at least 1 x 1: '
            'check the camera driver',
            kind='empty',
        )
    most = min(max_pixels, MAX_PIXELS)
    if width > MAX_SIDE or height > MAX_SIDE or width * height > most:
        raise ImageError(
            f'an image of {width} x {height} pixels is too large; at most {MAX_SIDE} a side and '
            f'{most / 1e6:g} million pixels (parameter max_pixels of the node) are allowed: '
            'check the camera driver',
            kind='size',
        )


def check_rgb(picture: np.ndarray) -> None:
    """Refuses an array that is not a picture.

    Raises:
        ImageError: with the kind 'array', if it is not uint8 [H, W, 3]; 'empty' or 'size'.
    """
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise ImageError(
            f'a picture given as {picture.dtype} of shape {picture.shape}; '
            'uint8 [H, W, 3] is allowed: convert it',
            kind='array',
        )
    check_size(picture.shape[1], picture.shape[0])


def contiguous(image: np.ndarray) -> np.ndarray:
    """The image as a C-contiguous array: itself where it is one, else a copy.

    numpy needs 3 ms to turn round the channels of a 1280 x 720 image, OpenCV 0.06 ms.
    """
    if image.ndim == 3 and image.shape[2] == 3 and image.strides[2] < 0:
        return cv2.cvtColor(image[..., ::-1], cv2.COLOR_BGR2RGB)
    return np.ascontiguousarray(image)


def shorten(value: object) -> str:
    """The value as an error message shows it; what others send may be long."""
    text = repr(value)
    return text if len(text) <= 60 else f'{text[:57]}...'


def scale_to_8_bits(values: np.ndarray) -> np.ndarray:
    """uint16 of any byte order to uint8: 1/257 of it, rounded (cv_bridge's `255. / 65535.`)."""
    return cv2.convertScaleAbs(np.ascontiguousarray(values, dtype=np.uint16), alpha=1 / 257)
