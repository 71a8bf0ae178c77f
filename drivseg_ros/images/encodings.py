# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The `encoding`s of sensor_msgs/Image that we read: its layout in memory, and how it becomes RGB.

Names and layouts are those of sensor_msgs/image_encodings.hpp; the colours are those of cv_bridge
where it knows the encoding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from drivseg_ros.errors import ImageError
from drivseg_ros.images.arrays import MAX_PIXELS, check_size, scale_to_8_bits, shorten


@dataclass(frozen=True)
class ImageEncoding:
    """The layout of one encoding in memory.

    Args:
        to_rgb: makes uint8 [H, W, 3] RGB of the pixels: [rows, W] if there is one channel, else
            [rows, W, channels]; it returns a view where that is enough.
        channels: values a pixel has in a row.
        bytes_per_value: 1 or 2.
        even_width: whether pairs of neighbours share their colour.
        half_plane: whether the rows are followed by a plane of half as many (4:2:0 colour), with
            the same step.
        min_side: the shortest side for which `to_rgb` has enough neighbours.
    """

    to_rgb: Callable[[np.ndarray], np.ndarray]
    channels: int = 1
    bytes_per_value: int = 1
    even_width: bool = False
    half_plane: bool = False
    min_side: int = 1

    def view(
        self,
        data: np.ndarray,
        *,
        name: str,
        width: int,
        height: int,
        step: int,
        big_endian: bool = False,
        max_pixels: int = MAX_PIXELS,
    ) -> np.ndarray:
        """The pixels as they are in memory, their description checked.

        Args:
            data: the bytes, uint8 [N].
            name: the encoding's name, for the errors.
            width: in pixels.
            height: in pixels.
            step: bytes from one row to the next.
            big_endian: whether the high byte comes first; nothing to values of one byte.
            max_pixels: how many it may have.

        Returns:
            A read-only view on the data, [rows, W] or [rows, W, channels].

        Raises:
            ImageError: with the kind 'empty', 'size', 'odd_size', 'step', 'truncated',
                'long_step' or 'too_long'.
        """
        check_size(width, height, max_pixels=max_pixels)
        self.check_size(name, width, height)
        dtype = np.dtype(f'{">" if big_endian else "<"}u{self.bytes_per_value}')
        rows = height * 3 // 2 if self.half_plane else height
        row_bytes = width * self.channels * dtype.itemsize
        if step < row_bytes:
            raise ImageError(
                f'the step {step} is shorter than a row of {width} pixels in {name}, which has '
                f'{row_bytes} bytes; at least that is allowed: check the driver',
                kind='step',
            )
        if data.size != rows * step:
            raise _wrong_length(data.size, rows=rows, step=step, row_bytes=row_bytes)
        shape: tuple[int, ...] = (rows, width)
        strides: tuple[int, ...] = (step, self.channels * dtype.itemsize)
        if self.channels > 1:
            shape, strides = (*shape, self.channels), (*strides, dtype.itemsize)
        pixels: np.ndarray = np.ndarray(shape, dtype, buffer=data, strides=strides)
        pixels.flags.writeable = False
        return pixels

    def check_size(self, name: str, width: int, height: int) -> None:
        """Refuses a size that this encoding cannot have.

        Raises:
            ImageError: with the kind 'odd_size' or 'size'.
        """
        if (self.even_width and width % 2) or (self.half_plane and height % 2):
            rule = 'an even width and height' if self.half_plane else 'an even width'
            raise ImageError(
                f'an image of {width} x {height} pixels cannot have the encoding {name!r}, '
                f'which needs {rule}; crop it by a pixel or publish rgb8',
                kind='odd_size',
            )
        if min(width, height) < self.min_side:
            raise ImageError(
                f'an image of {width} x {height} pixels is too small for the encoding {name!r}, '
                f'which needs {self.min_side} a side; publish rgb8',
                kind='size',
            )


def _wrong_length(given: int, *, rows: int, step: int, row_bytes: int) -> ImageError:
    needed = f'{rows} rows of step {step} have {rows * step}'
    if given > rows * step:
        return ImageError(
            f'the data has {given} bytes, but {needed}; just these are allowed: '
            'check height and step in the driver',
            kind='too_long',
        )
    if given >= rows * row_bytes:
        return ImageError(
            f'the data has {given} bytes, but {needed}; without padding a row has {row_bytes}: '
            'check step in the driver',
            kind='long_step',
        )
    return ImageError(
        f'the data has only {given} bytes, but {needed}; just these are allowed: '
        'check the driver, and the link for lost data',
        kind='truncated',
    )


def find_encoding(name: object) -> ImageEncoding:
    """Looks an encoding up by its name.

    Raises:
        ImageError: with the kind 'encoding', if we do not read it.
    """
    encoding = ENCODINGS.get(name) if isinstance(name, str) else None
    if encoding is None:
        raise ImageError(
            f'the encoding {shorten(name)} cannot be shown as a picture; allowed are '
            f'{", ".join(ENCODINGS)}: let the driver, or image_proc, publish one of them',
            kind='encoding',
        )
    return encoding


def _keep(pixels: np.ndarray) -> np.ndarray:
    return pixels


def _turn(pixels: np.ndarray) -> np.ndarray:
    return pixels[..., ::-1]


def _mono16(pixels: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(scale_to_8_bits(pixels), cv2.COLOR_GRAY2RGB)


def _convert(code: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda pixels: cv2.cvtColor(pixels, code)


_RGB = ImageEncoding(_keep, 3)
_BGR = ImageEncoding(_turn, 3)
_RGBA = ImageEncoding(_convert(cv2.COLOR_RGBA2RGB), 4)
_BGRA = ImageEncoding(_convert(cv2.COLOR_BGRA2RGB), 4)
_MONO = ImageEncoding(_convert(cv2.COLOR_GRAY2RGB))
# OpenCV's YUV is ITU-R BT.601 with Y from 16 to 235, what V4L2 cameras deliver by default.
_UYVY = ImageEncoding(_convert(cv2.COLOR_YUV2RGB_UYVY), 2, even_width=True)
_YUYV = ImageEncoding(_convert(cv2.COLOR_YUV2RGB_YUY2), 2, even_width=True)
_NV12 = ImageEncoding(_convert(cv2.COLOR_YUV2RGB_NV12), even_width=True, half_plane=True)
_NV21 = ImageEncoding(_convert(cv2.COLOR_YUV2RGB_NV21), even_width=True, half_plane=True)


def _bayer(code: int) -> ImageEncoding:
    # OpenCV leaves images with fewer than three rows or columns black.
    return ImageEncoding(_convert(code), min_side=3)


ENCODINGS: dict[str, ImageEncoding] = {
    'rgb8': _RGB,
    'bgr8': _BGR,
    'rgba8': _RGBA,
    'bgra8': _BGRA,
    'mono8': _MONO,
    'mono16': ImageEncoding(_mono16, bytes_per_value=2),
    # Numbers without a meaning are taken as OpenCV's, as everybody does who publishes them.
    '8UC1': _MONO,
    '8UC3': _BGR,
    '8UC4': _BGRA,
    'uyvy': _UYVY,
    'yuv422': _UYVY,
    'yuyv': _YUYV,
    'yuv422_yuy2': _YUYV,
    'nv12': _NV12,
    'nv21': _NV21,
    # OpenCV names a mosaic by the square that begins at its second row and second column.
    'bayer_rggb8': _bayer(cv2.COLOR_BayerBG2RGB),
    'bayer_bggr8': _bayer(cv2.COLOR_BayerRG2RGB),
    'bayer_gbrg8': _bayer(cv2.COLOR_BayerGR2RGB),
    'bayer_grbg8': _bayer(cv2.COLOR_BayerGB2RGB),
}
"""The encodings by name. 16UC1 and the like are not among them: they are depth as a rule, and
it is not known which value is white; a camera with 16 bits publishes mono16."""
