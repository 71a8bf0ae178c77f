# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""JPEG and PNG: bytes to RGB and back, with the checks that a decoder leaves to its caller."""

from __future__ import annotations

import struct

import cv2
import numpy as np

from drivseg_ros.errors import ImageError, ParameterError
from drivseg_ros.images.arrays import check_rgb, check_size, scale_to_8_bits, shorten
from drivseg_ros.images.encodings import find_encoding

_JPEG_START, _JPEG_END = b'\xff\xd8\xff', b'\xff\xd9'
_PNG_START, _PNG_END = b'\x89PNG\r\n\x1a\n', b'IEND\xaeB`\x82'
_SOS, _EOI = 0xDA, 0xD9
# Start of frame, in all its variants; C4, C8 and CC are something else (ITU-T T.81, table B.1).
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# TEM, the restart markers and a start of image have no length after them.
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})


def decode_picture(data: bytes, *, image_format: str = '') -> np.ndarray:
    """Decodes a JPEG or PNG file as image_transport sends it.

    The file's own first bytes distinguish JPEG from PNG, and its own colours count: of
    `image_format` only the encoding before the `;` matters, and only if the picture is not colour
    (a Bayer mosaic sent as grey is turned into colour). 16-bit values are scaled by 1/257, alpha
    is dropped, and an EXIF orientation is ignored, because pixels and camera_info belong together.

    A JPEG damaged in its middle but complete at its end is decoded as libjpeg repairs it.

    Args:
        data: the file.
        image_format: CompressedImage's `format`, e.g. 'bgr8; jpeg compressed bgr8'.

    Returns:
        uint8 [H, W, 3] RGB, contiguous and new.

    Raises:
        ImageError: with the kind 'empty' (no bytes), 'codec' (neither JPEG nor PNG), 'encoding'
            (numbers, not a picture), 'size' (a header with an absurd size), 'truncated', 'jpeg'
            or 'png' (damaged).
    """
    raw_encoding = image_format.split(';')[0].strip()
    if 'compressedDepth' in image_format:
        raise ImageError(
            f'the format {shorten(image_format)} is a depth image; JPEG and PNG pictures are '
            'allowed: subscribe to the topic of a colour camera',
            kind='codec',
        )
    if raw_encoding.startswith(('16UC', '16SC', '32FC', '32SC', '64FC')):
        find_encoding(raw_encoding)
    if not data:
        raise ImageError(
            'a CompressedImage without data; a JPEG or PNG file is allowed: check the driver',
            kind='empty',
        )
    if data.startswith(_JPEG_START):
        codec, (width, height) = 'jpeg', _jpeg_size(data)
    elif data.startswith(_PNG_START):
        codec, (width, height) = 'png', _png_size(data)
    else:
        raise ImageError(
            f'a CompressedImage of format {shorten(image_format)} whose data begins with '
            f'{data[:8].hex(" ")}; JPEG (ff d8 ff) and PNG (89 50 4e 47) files are allowed: '
            "set the publisher's format to jpeg",
            kind='codec',
        )
    # The size is checked before the decoder sees the file, which would first ask for the memory.
    check_size(width, height)
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        picture = None
    if picture is None:
        raise _damaged(codec, data)
    if picture.dtype == np.uint16:
        picture = scale_to_8_bits(picture)
    if picture.ndim == 3:
        four = picture.shape[2] == 4
        return cv2.cvtColor(picture, cv2.COLOR_BGRA2RGB if four else cv2.COLOR_BGR2RGB)
    name = raw_encoding if raw_encoding.startswith('bayer_') else 'mono8'
    encoding = find_encoding(name)
    encoding.check_size(name, width, height)
    return encoding.to_rgb(picture)


def encode_jpeg(rgb: np.ndarray, *, quality: int = 90) -> bytes:
    """Encodes a picture as JPEG.

    Args:
        rgb: uint8 [H, W, 3] RGB, any strides.
        quality: 1 to 100.

    Returns:
        The file.

    Raises:
        ImageError: with the kind 'array', 'empty' or 'size', if `rgb` is no such picture.
        ParameterError: if the quality is out of range.
    """
    if type(quality) is not int or not 1 <= quality <= 100:
        raise ParameterError(
            f'the JPEG quality {quality!r} is not allowed; give an integer from 1 to 100'
        )
    check_rgb(rgb)
    bgr = rgb[..., ::-1] if rgb.strides[2] < 0 else cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    return cv2.imencode('.jpg', bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Width and height by the frame header; refuses a file whose end is missing."""
    size: tuple[int, int] | None = None
    position = 2
    while True:
        # Between segments libjpeg skips what is not a marker, and so do we.
        position = data.find(b'\xff', position)
        if position < 0 or position + 1 >= len(data):
            raise _truncated('jpeg', data)
        marker = data[position + 1]
        position += 1 if marker == 0xFF else 2
        if marker in (0x00, 0xFF) or marker in _BARE:
            continue
        if marker == _EOI:
            raise _damaged('jpeg', data)
        if position + 2 > len(data):
            raise _truncated('jpeg', data)
        if marker in _SOF and position + 7 <= len(data):
            height, width = struct.unpack_from('>HH', data, position + 3)
            size = (width, height)
        if marker == _SOS:
            break
        position += struct.unpack_from('>H', data, position)[0]
    # Some decoders fill the missing part of a cut file with grey, silently. Compressed data
    # never contains the end marker, so its absence proves the cut; padding may follow it.
    if data.rfind(_JPEG_END, position) < 0:
        raise _truncated('jpeg', data)
    if size is None:
        raise _damaged('jpeg', data)
    return size


def _png_size(data: bytes) -> tuple[int, int]:
    """Width and height by the first chunk; refuses a file whose end is missing."""
    if data.rfind(_PNG_END) < 24:
        raise _truncated('png', data)
    width, height = struct.unpack_from('>II', data, 16)
    return width, height


def _truncated(codec: str, data: bytes) -> ImageError:
    return ImageError(
        f'a {codec.upper()} file of {len(data)} bytes ends too early; one with its end marker is '
        'allowed: check the driver, and the link for lost data',
        kind='truncated',
    )


def _damaged(codec: str, data: bytes) -> ImageError:
    return ImageError(
        f'a {codec.upper()} file of {len(data)} bytes is damaged; one that OpenCV can decode is '
        'allowed: check the driver, and the link for lost data',
        kind=codec,
    )
