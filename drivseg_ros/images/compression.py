# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""JPEG and PNG: bytes to RGB and back, with the checks that a decoder leaves to its caller."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, replace

import cv2
import numpy as np

from drivseg_ros.errors import ImageError, ParameterError
from drivseg_ros.images.arrays import (
    MAX_DECODED_PIXELS,
    check_rgb,
    check_size,
    contiguous,
    scale_to_8_bits,
    shorten,
)
from drivseg_ros.images.encodings import find_encoding
from drivseg_ros.images.exif import exif_orientation, is_exif, tiff_orientation
from drivseg_ros.images.jpeg_library import decode_jpeg, find_simplejpeg

_JPEG_START, _JPEG_END = b'\xff\xd8\xff', b'\xff\xd9'
_PNG_START, _PNG_END = b'\x89PNG\r\n\x1a\n', b'IEND\xaeB`\x82'
_IHDR = b'\0\0\0\x0dIHDR'
# Colour types of PNG (W3C PNG specification, 11.2.1): without transparency there are these.
_PNG_GREY, _PNG_OPAQUE = 0, (0, 2, 3)
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_SOS, _EOI = 0xDA, 0xD9
# Where EXIF stands; its first entries, among which the orientation is, are within so many bytes.
_APP1, _EXIF_BYTES = 0xE1, 4096
# Start of frame, in all its variants; C4, C8 and CC are something else (ITU-T T.81, table B.1).
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# TEM, the restart markers and a start of image have no length after them.
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})
# What a decoder takes for a picture grows with its pixels and, in a JPEG, with its scans, not with
# its bytes. So a file is refused that is too short for the pixels that it claims: each block of 8x8
# pixels of a JPEG takes a bit at least (T.81, F.1.2), and deflate packs 1032 bytes into one (RFC
# 1951). Progressive files of cameras and programs have about ten scans, and each scan, however
# short, is a walk over all pixels.
_JPEG_PIXELS_A_BYTE, _DEFLATE = 8 * 8 * 8, 1032
_MAX_SCANS, _ALWAYS_SCANS, _MAX_SCANNED_PIXELS = 100, 20, 1_000_000_000


@dataclass(frozen=True)
class PictureHeader:
    """What the header of a JPEG or PNG file states.

    Attributes:
        codec: 'jpeg' or 'png'.
        width: in pixels.
        height: in pixels.
        grey: it has one channel.
        cmyk: it has four, the colours of a printer.
        plain: it has at most 8 bits a channel and no transparency, and stands upright.
        bits_a_pixel: of a PNG file.
        orientation: how viewers turn it (images/exif.py); 1 is as it is.
    """

    codec: str
    width: int
    height: int
    grey: bool
    plain: bool
    bits_a_pixel: int = 0
    cmyk: bool = False
    orientation: int = 1

    @property
    def suffix(self) -> str:
        """The end of such a file's name."""
        return '.png' if self.codec == 'png' else '.jpg'


def read_header(
    data: bytes, *, image_format: str = '', max_pixels: int = MAX_DECODED_PIXELS
) -> PictureHeader:
    """Reads the header of a JPEG or PNG file, and looks whether its end is there.

    Args:
        data: the file.
        image_format: CompressedImage's `format`, for the errors.
        max_pixels: how many it may have.

    Raises:
        ImageError: with the kind 'empty', 'codec', 'size', 'truncated', 'jpeg' or 'png'.
    """
    if not data:
        raise ImageError(
            'a CompressedImage without data; a JPEG or PNG file is allowed: check the driver',
            kind='empty',
        )
    if data.startswith(_JPEG_START):
        header = _jpeg_header(data)
    elif data.startswith(_PNG_START):
        header = _png_header(data)
    else:
        raise ImageError(
            f'a CompressedImage of format {shorten(image_format)} whose data begins with '
            f'{data[:8].hex(" ")}; JPEG (ff d8 ff) and PNG (89 50 4e 47) files are allowed: '
            "set the publisher's format to jpeg",
            kind='codec',
        )
    check_size(header.width, header.height, max_pixels=max_pixels)
    _check_content(header, data)
    return header


def _check_content(header: PictureHeader, data: bytes) -> None:
    """Refuses what would cost a decoder far more than its bytes are worth."""
    if header.codec == 'jpeg':
        pixels = header.width * header.height
        least = pixels // _JPEG_PIXELS_A_BYTE
        scans = data.count(bytes((0xFF, _SOS)))
        most = min(_MAX_SCANS, max(_ALWAYS_SCANS, _MAX_SCANNED_PIXELS // pixels))
        if scans > most:
            raise ImageError(
                f'a JPEG file of {header.width} x {header.height} pixels in {scans} scans; at '
                f'most {most} scans are allowed, programs write about ten: check who sends it',
                kind='jpeg',
            )
    else:
        least = (header.width * header.bits_a_pixel + 7) // 8 * header.height // _DEFLATE
    if len(data) < least:
        raise ImageError(
            f'a {header.codec.upper()} file of {len(data)} bytes claims {header.width} x '
            f'{header.height} pixels, which take {least} bytes at least; a file that holds its '
            'pixels is allowed: check who sends it',
            kind='size',
        )


def packed_encoding(image_format: str) -> str:
    """The encoding of the picture in a CompressedImage, by its `format`.

    image_transport writes 'GIVEN; CODEC compressed PACKED': what the camera gave, and what was made
    of it and packed, which is what counts. Where PACKED is missing it was GIVEN.
    """
    before, _, packed = image_format.partition('compressed')
    words = packed.replace(';', ' ').split()
    return words[0] if words else before.partition(';')[0].strip()


def decode_picture(
    data: bytes, *, image_format: str = '', max_pixels: int = MAX_DECODED_PIXELS
) -> np.ndarray:
    """Decodes a JPEG or PNG file as image_transport sends it.

    The file's own first bytes distinguish JPEG from PNG, and its own colours count: of
    `image_format` only `packed_encoding` matters, and only if the picture is not colour: a Bayer
    mosaic is turned into colour, and a grey picture made of one stays grey. 16-bit values are
    scaled by 1/257, alpha is dropped, and an EXIF orientation is ignored, because pixels and
    camera_info belong together.

    Where simplejpeg is not installed, a JPEG damaged in its middle but complete at its end is
    decoded as libjpeg repairs it.

    Args:
        data: the file.
        image_format: CompressedImage's `format`, e.g. 'bgr8; jpeg compressed bgr8'.
        max_pixels: how many it may have.

    Returns:
        uint8 [H, W, 3] RGB, contiguous and new.

    Raises:
        ImageError: with the kind 'empty' (no bytes), 'codec' (neither JPEG nor PNG), 'encoding'
            (numbers, not a picture), 'size' (a header with an absurd size), 'truncated', 'jpeg'
            or 'png' (damaged).
    """
    if 'compressedDepth' in image_format:
        raise ImageError(
            f'the format {shorten(image_format)} is a depth image; JPEG and PNG pictures are '
            'allowed: subscribe to the topic of a colour camera',
            kind='codec',
        )
    packed = packed_encoding(image_format)
    if packed.startswith(('16UC', '16SC', '32FC', '32SC', '64FC')):
        find_encoding(packed)
    # The size is checked before the decoder sees the file, which would first ask for the memory.
    header = read_header(data, image_format=image_format, max_pixels=max_pixels)
    picture = _decode(header, data)
    if picture.ndim == 3:
        return picture
    name = packed if packed.startswith('bayer_') else 'mono8'
    encoding = find_encoding(name)
    encoding.check_size(name, header.width, header.height)
    return encoding.to_rgb(picture)


def _decode(header: PictureHeader, data: bytes) -> np.ndarray:
    """The pixels, uint8 [H, W, 3] RGB, or [H, W] if they are grey."""
    library = find_simplejpeg() if header.codec == 'jpeg' and not header.cmyk else None
    if library is not None:
        try:
            return decode_jpeg(library, data, grey=header.grey)
        except ValueError as error:
            raise _damaged(header.codec, data, found=str(error)) from None
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        picture = None
    if picture is None:
        raise _damaged(header.codec, data)
    if picture.dtype == np.uint16:
        picture = scale_to_8_bits(picture)
    if picture.ndim == 2:
        return picture
    four = picture.shape[2] == 4
    return cv2.cvtColor(picture, cv2.COLOR_BGRA2RGB if four else cv2.COLOR_BGR2RGB)


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


def encode_png(picture: np.ndarray) -> bytes:
    """Encodes a picture, uint8 [H, W, 3] RGB or [H, W] with one channel, as PNG."""
    pixels = picture if picture.ndim == 2 else cv2.cvtColor(contiguous(picture), cv2.COLOR_RGB2BGR)
    return cv2.imencode('.png', np.ascontiguousarray(pixels))[1].tobytes()


def _jpeg_header(data: bytes) -> PictureHeader:
    """What the frame header states; refuses a file whose end is missing."""
    header: PictureHeader | None = None
    orientation = 1
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
        if marker in _SOF and position + 8 <= len(data):
            height, width, channels = struct.unpack_from('>HHB', data, position + 3)
            header = PictureHeader(
                'jpeg', width, height, grey=channels == 1, cmyk=channels == 4, plain=True
            )
        segment = data[position + 2 : position + _EXIF_BYTES]
        if marker == _APP1 and is_exif(segment):  # XMP comes behind it in another one
            orientation = exif_orientation(segment)
        if marker == _SOS:
            break
        position += struct.unpack_from('>H', data, position)[0]
    # Some decoders fill the missing part of a cut file with grey, silently. Compressed data
    # never contains the end marker, so its absence proves the cut; padding may follow it.
    if data.rfind(_JPEG_END, position) < 0:
        raise _truncated('jpeg', data)
    if header is None:
        raise _damaged('jpeg', data)
    return replace(header, orientation=orientation, plain=orientation == 1)


def _png_header(data: bytes) -> PictureHeader:
    """What the first chunk states; refuses a file whose chunks are not whole."""
    orientation = _check_chunks(data)
    if data[8:16] != _IHDR:
        raise _damaged('png', data)
    width, height, bits, color_type = struct.unpack_from('>IIBB', data, 16)
    transparent = color_type not in _PNG_OPAQUE or b'tRNS' in data[: data.find(b'IDAT')]
    return PictureHeader(
        'png',
        width,
        height,
        grey=color_type == _PNG_GREY,
        plain=bits <= 8 and not transparent and orientation == 1,
        bits_a_pixel=bits * _PNG_CHANNELS.get(color_type, 1),
        orientation=orientation,
    )


def _check_chunks(data: bytes) -> int:
    """Compares each chunk with its checksum, up to the last one; gives EXIF's orientation.

    OpenCV leaves this out, depending on its version; a wrong length costs it seconds and gigabytes.
    """
    view = memoryview(data)
    position, name, orientation = len(_PNG_START), b'', 1
    while name != b'IEND':
        if position + 12 > len(data):
            raise _truncated('png', data)
        length, name = struct.unpack_from('>I4s', data, position)
        content_end = position + 8 + length
        if content_end + 4 > len(data):
            # A length that is not true is no sign of a cut where the end is there.
            whole = data.rfind(_PNG_END) >= position
            raise _damaged('png', data) if whole else _truncated('png', data)
        if zlib.crc32(view[position + 4 : content_end]) != int.from_bytes(
            view[content_end : content_end + 4], 'big'
        ):
            raise _damaged('png', data, found='a checksum does not match')
        if name == b'eXIf':
            orientation = tiff_orientation(data[position + 8 : content_end])
        position = content_end + 4
    return orientation


def _truncated(codec: str, data: bytes) -> ImageError:
    return ImageError(
        f'a {codec.upper()} file of {len(data)} bytes ends too early; one with its end marker is '
        'allowed: check the driver, and the link for lost data',
        kind='truncated',
    )


def _damaged(codec: str, data: bytes, *, found: str = '') -> ImageError:
    return ImageError(
        f'a {codec.upper()} file of {len(data)} bytes is damaged{found and f" ({found})"}; one '
        'that can be decoded is allowed: check the driver, and the link for lost data',
        kind=codec,
    )
