# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""sensor_msgs images to RGB arrays and back.

This is the only module that touches `msg.data`. It works on the message classes of rclpy and of
rosbags alike, because it needs only their field names and a `data` that is a buffer.

Every defect of a message is an ImageError, and nothing else is raised. Its `kind` is one of

    message         a field is missing or of another type
    encoding        an encoding that is not a picture, or not one we read
    empty           no pixels, no bytes
    size            too large to be true (arrays.MAX_SIDE, `max_pixels`)
    odd_size        an odd width or height where the encoding pairs its pixels
    step            a row is longer than `step`
    long_step       the data would be enough for rows without padding, not for this `step`
    truncated       too few bytes; a JPEG or PNG without its end
    too_long        more bytes than `step` x rows
    codec           a CompressedImage that is neither JPEG nor PNG
    jpeg, png       a damaged file
    array           an array that does not fit the encoding it shall be sent in
"""

from __future__ import annotations

import array
import operator
from typing import Any, TypeVar

import numpy as np

from drivseg_ros.errors import ImageError
from drivseg_ros.images.arrays import MAX_DECODED_PIXELS, check_rgb, check_size, contiguous, shorten
from drivseg_ros.images.compression import decode_picture, encode_jpeg, read_header
from drivseg_ros.images.cv_bridge_encodings import decode_by_cv_bridge, may_be_tried
from drivseg_ros.images.encodings import ImageEncoding, find_encoding

__all__ = [
    'compressed_image_fields',
    'decode_compressed_image',
    'decode_image',
    'decode_labels',
    'encode_jpeg',
    'fill_compressed_image',
    'fill_image',
    'image_fields',
]

LABEL_ENCODINGS = ('mono8', '8UC1')
_CHANNELS_OUT = {'mono8': 1, 'rgb8': 3, 'bgr8': 3}

Message = TypeVar('Message')


def decode_image(msg: Any, *, max_pixels: int = MAX_DECODED_PIXELS) -> np.ndarray:
    """Decodes a sensor_msgs/Image.

    rgb8, bgr8 and 8UC3 are not copied: the result is a read-only view on `msg.data`, with a
    negative stride for the latter two, and with gaps between the rows where they are padded. All
    others are new arrays. YUV is taken as BT.601 with Y from 16 to 235, Bayer mosaics are
    interpolated linearly, alpha is dropped, mono16 is scaled by 1/257 and rounded. What is none of
    `encodings.ENCODINGS` goes to cv_bridge, where that is installed.

    Args:
        msg: the message.
        max_pixels: how many it may have.

    Returns:
        uint8 [H, W, 3] RGB.

    Raises:
        ImageError: if the message is malformed or its encoding cannot be shown as a picture.
    """
    name = _field(msg, 'encoding')
    try:
        encoding = find_encoding(name)
    except ImageError as refusal:
        if not may_be_tried(name):
            raise
        _bytes(msg)
        check_size(_integer(msg, 'width'), _integer(msg, 'height'), max_pixels=max_pixels)
        return decode_by_cv_bridge(msg, refusal=refusal)
    return encoding.to_rgb(_pixels(msg, name, encoding, max_pixels=max_pixels))


def decode_compressed_image(msg: Any, *, max_pixels: int = MAX_DECODED_PIXELS) -> np.ndarray:
    """Decodes a sensor_msgs/CompressedImage that holds a JPEG or PNG file.

    See `compression.decode_picture` for what is made of grey, alpha, 16 bits and EXIF.

    Args:
        msg: the message.
        max_pixels: how many it may have.

    Returns:
        uint8 [H, W, 3] RGB, contiguous and new.

    Raises:
        ImageError: if the file or the message is malformed, or is neither JPEG nor PNG.
    """
    image_format = _field(msg, 'format')
    if not isinstance(image_format, str):
        raise _wrong_type('format', image_format, 'a string')
    data = _bytes(msg).tobytes()
    return decode_picture(data, image_format=image_format, max_pixels=max_pixels)


def decode_labels(msg: Any) -> np.ndarray:
    """Decodes a sensor_msgs/Image that holds a class id per pixel.

    Args:
        msg: the message, mono8 or 8UC1.

    Returns:
        uint8 [H, W], a read-only view on `msg.data`.

    Raises:
        ImageError: if the message is malformed or has another encoding.
    """
    if hasattr(msg, 'format') and not hasattr(msg, 'encoding'):
        raise ImageError(
            f'labels in a CompressedImage; sensor_msgs/Image ({", ".join(LABEL_ENCODINGS)}) with a '
            'class id per pixel is allowed: a compressed picture need not keep class ids',
            kind='message',
        )
    name = _field(msg, 'encoding')
    if not isinstance(name, str) or name not in LABEL_ENCODINGS:
        raise ImageError(
            f'labels of the encoding {shorten(name)}; allowed are {", ".join(LABEL_ENCODINGS)} '
            'with a class id per pixel: choose a topic of labels or masks, not one with colours',
            kind='encoding',
        )
    return _pixels(msg, name, find_encoding(name), max_pixels=MAX_DECODED_PIXELS)


def fill_image(msg: Message, image: np.ndarray, *, encoding: str, header: Any = None) -> Message:
    """Fills an empty sensor_msgs/Image.

    An rclpy message is filled by `msg.data.frombytes`, the only way that is fast with field
    checks on and off (one copy). Any other message gets its own copy too, so that the array may
    be changed afterwards in every case.

    Args:
        msg: the message, with empty data; rclpy's `Image()`.
        image: uint8 [H, W] for mono8, [H, W, 3] for rgb8 and bgr8, in the order that the
            encoding says; any strides, though contiguous is fastest.
        encoding: mono8, rgb8 or bgr8.
        header: the header to assign as it is, or None to leave the message's own.

    Returns:
        The message.

    Raises:
        ImageError: with the kind 'encoding', 'array', 'empty', 'size' or 'message' (not empty).
    """
    fields = image_fields(image, encoding=encoding)
    _fill_data(msg, fields.pop('data'))
    for name, value in fields.items():
        setattr(msg, name, value)
    if header is not None:
        msg.header = header  # type: ignore[attr-defined]
    return msg


def image_fields(image: np.ndarray, *, encoding: str) -> dict[str, Any]:
    """All fields of a sensor_msgs/Image but its header, for classes that want them at once.

    With rosbags: `Image(header=header, **image_fields(mask, encoding='mono8'))`.

    Args:
        image: as in `fill_image`.
        encoding: mono8, rgb8 or bgr8.

    Returns:
        height, width, encoding, is_bigendian, step, and data as a uint8 array of one dimension,
        which shares the image's memory if that is contiguous.

    Raises:
        ImageError: with the kind 'encoding', 'array', 'empty' or 'size'.
    """
    if encoding not in _CHANNELS_OUT:
        raise ImageError(
            f'images are not sent in the encoding {shorten(encoding)}; '
            f'choose one of {", ".join(_CHANNELS_OUT)}',
            kind='encoding',
        )
    channels = _CHANNELS_OUT[encoding]
    if channels == 3:
        check_rgb(image)
    elif image.dtype != np.uint8 or image.ndim != 2:
        raise ImageError(
            f'a {encoding} image given as {image.dtype} of shape {image.shape}; '
            'uint8 [H, W] is allowed: convert it',
            kind='array',
        )
    height, width = image.shape[:2]
    check_size(width, height)
    return {
        'height': height,
        'width': width,
        'encoding': encoding,
        'is_bigendian': 0,
        'step': width * channels,
        'data': contiguous(image).reshape(-1),
    }


def fill_compressed_image(msg: Message, file: bytes, *, header: Any = None) -> Message:
    """Fills an empty sensor_msgs/CompressedImage with a JPEG or PNG file.

    Args:
        msg: the message, with empty data.
        file: as in `compressed_image_fields`.
        header: the header to assign as it is, or None to leave the message's own.

    Returns:
        The message.

    Raises:
        ImageError: with the kind 'message', if the message is not empty; as
            `compressed_image_fields`.
    """
    fields = compressed_image_fields(file)
    _fill_data(msg, fields['data'])
    msg.format = fields['format']  # type: ignore[attr-defined]
    if header is not None:
        msg.header = header  # type: ignore[attr-defined]
    return msg


def compressed_image_fields(file: bytes) -> dict[str, Any]:
    """All fields of a sensor_msgs/CompressedImage but its header, as `image_fields` for Image.

    Args:
        file: a JPEG or PNG file; a PNG has 8 bits a channel and no transparency.

    Raises:
        ImageError: as `compression.read_header`.
    """
    header = read_header(file)
    # As compressed_image_transport, which swaps the channels of what is said to have three.
    channels = ('mono8', '') if header.grey else ('rgb8', 'bgr8')
    return {
        'format': f'{channels[0]}; {header.codec} compressed {channels[1]}',
        'data': np.frombuffer(file, np.uint8),
    }


def _pixels(msg: Any, name: str, encoding: ImageEncoding, *, max_pixels: int) -> np.ndarray:
    """The checked pixels as they are in memory, a read-only view."""
    return encoding.view(
        _bytes(msg),
        name=name,
        width=_integer(msg, 'width'),
        height=_integer(msg, 'height'),
        step=_integer(msg, 'step'),
        big_endian=bool(_integer(msg, 'is_bigendian')),
        max_pixels=max_pixels,
    )


def _bytes(msg: Any) -> np.ndarray:
    """msg.data as uint8 of one dimension, without a copy."""
    data = _field(msg, 'data')
    try:
        return np.frombuffer(data, np.uint8)
    except (TypeError, ValueError, BufferError):
        raise _wrong_type('data', type(data), 'a buffer of bytes') from None


def _fill_data(msg: Any, data: np.ndarray) -> None:
    if len(msg.data):
        raise ImageError(
            f'the message to fill already holds {len(msg.data)} bytes; '
            'an empty one is allowed: make a new one for each image',
            kind='message',
        )
    if isinstance(msg.data, array.array):
        msg.data.frombytes(data.data)
    else:
        msg.data = data.copy()


def _field(msg: Any, name: str) -> Any:
    try:
        return getattr(msg, name)
    except AttributeError:
        raise ImageError(
            f'a message of type {type(msg).__name__} has no field {name!r}; sensor_msgs/Image or '
            'CompressedImage is allowed: check the topic, and image_transport (raw or compressed)',
            kind='message',
        ) from None


def _integer(msg: Any, name: str) -> int:
    value = _field(msg, name)
    try:
        return operator.index(value)
    except TypeError:
        raise _wrong_type(name, value, 'an integer') from None


def _wrong_type(name: str, value: object, allowed: str) -> ImageError:
    return ImageError(
        f'the field {name!r} is {shorten(value)}; {allowed} is allowed: check the publisher',
        kind='message',
    )
