# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The one reader of label images: PNG of every kind, as the numbers or colours that were meant.

Labels are PNG files, or TIFF and BMP, which are made PNG first (a lossy picture would invent
classes). They are turned as EXIF says, like pictures. OpenCV alone would misread some of
them: it turns a palette's indices into colours, and stretches 1, 2 and 4 bits to 0..255, where a 1
becomes 255, 'unlabelled'. So the file is declared plain grey levels before it is decoded.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from drivseg_ros.errors import DataError, ImageError
from drivseg_ros.images.arrays import check_size
from drivseg_ros.images.exif import tiff_orientation, turn_upright
from drivseg_ros.images.files import read_bytes
from drivseg_ros.images.other_pictures import other_format, plane_as_png

LABEL_SUFFIXES = ('.png', '.tif', '.tiff', '.bmp')
"""The ends of the names of labels."""
_SIGNATURE = b'\x89PNG\r\n\x1a\n'
_HEADER_BYTES = 13
_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGBA = 0, 2, 3, 4, 6
_COLOR_TYPES = {
    _GREY: 'grey levels',
    _RGB: 'RGB colours',
    _PALETTE: 'a palette',
    _GREY_ALPHA: 'grey levels with transparency',
    _RGBA: 'RGBA colours',
}


@dataclass(frozen=True)
class LabelImage:
    """A label file that was found to be a whole PNG.

    Attributes:
        path: the file.
        width: in pixels.
        height: in pixels.
        bits: of a channel.
        color_type: as PNG counts them.
        orientation: how EXIF says that it is turned when shown, 1 to 8.
    """

    path: Path
    width: int
    height: int
    bits: int
    color_type: int
    orientation: int
    _data: bytes = field(repr=False)
    _pixels: bytes = field(repr=False)

    @property
    def has_numbers(self) -> bool:
        """Whether it has one number a pixel: grey levels, or the indices of a palette."""
        return self.color_type in (_GREY, _PALETTE)

    def numbers(self) -> np.ndarray:
        """The numbers as they stand, uint8 [H, W].

        Grey levels of 1 to 8 bits, palette indices, and 16 bits as long as no number exceeds 255.

        Raises:
            DataError: If the file is damaged, or holds colours or larger numbers.
        """
        if not self.has_numbers:
            raise DataError(
                f"label '{self.path}' has {_COLOR_TYPES[self.color_type]}; one number a pixel "
                '(grey levels or palette indices) is needed here: give the folder of the ids, not '
                'of the pictures for people'
            )
        plane = self._decode(self._as_grey(), cv2.IMREAD_UNCHANGED)
        if self.bits == 16:
            largest = int(plane.max())
            if largest > 255:
                raise DataError(
                    f"label '{self.path}' has 16 bits and numbers up to {largest}; class ids up to "
                    '255 are allowed (are these instances?)'
                )
            plane = plane.astype(np.uint8)
        elif self.bits < 8:
            plane //= 255 // (2**self.bits - 1)
        return turn_upright(plane, self.orientation)

    def colors(self) -> np.ndarray:
        """The colours, uint8 [H, W, 3] RGB; without transparency, a palette's entries looked up.

        Raises:
            DataError: If the file is damaged, or has 16 bits a channel.
        """
        if self.bits == 16:
            raise DataError(
                f"label '{self.path}' has 16 bits a channel; colours of 8 bits are needed"
            )
        flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
        return turn_upright(self._decode(self._data, flags)[..., ::-1], self.orientation)

    def _as_grey(self) -> bytes:
        """The same pixels as a PNG of grey levels and nothing else."""
        methods, chunks = self._pixels[:3], self._pixels[3:]
        fields = struct.pack('>IIBB', self.width, self.height, self.bits, _GREY) + methods
        return _SIGNATURE + _chunk(b'IHDR', fields) + chunks + _chunk(b'IEND', b'')

    def _decode(self, data: bytes, flags: int) -> np.ndarray:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
        if decoded is None:
            raise DataError(f"label '{self.path}' is damaged and cannot be decoded; fetch it again")
        return decoded


def open_label(path: Path) -> LabelImage:
    """Reads a label file, but decodes no pixel.

    Raises:
        DataError: If it cannot be read, is no PNG, TIFF or BMP, is cut off, or is damaged.
    """
    data = read_bytes(path)
    if other_format(data) in ('TIFF', 'BMP'):
        try:
            data = plane_as_png(data)
        except ImageError as error:
            raise DataError(f"label '{path}' cannot be used: {error}") from None
    if not data.startswith(_SIGNATURE):
        raise DataError(
            f"label '{path}' is no PNG, TIFF or BMP; ids must come as one of these (JPEG and WebP "
            'change them)'
        )
    orientation = 1
    header: tuple[int, int, int, int] | None = None
    pixels = []
    for kind, content, chunk in _chunks(path, data):
        if kind == b'IHDR':
            header = _header(path, content)
            pixels.append(content[10:])
        elif kind == b'eXIf':
            orientation = tiff_orientation(content)
        elif kind == b'IDAT':
            pixels.append(chunk)
        elif kind == b'IEND' and header is not None:
            return LabelImage(path, *header, orientation, data, b''.join(pixels))
    raise DataError(f"label '{path}' is cut off; fetch it again")


def _header(path: Path, content: bytes) -> tuple[int, int, int, int]:
    """Width, height, bits of a channel, colour type."""
    if len(content) != _HEADER_BYTES:
        raise DataError(f"label '{path}' is damaged: its header is too short or too long")
    width, height, bits, color_type = struct.unpack('>IIBB', content[:10])
    if color_type not in _COLOR_TYPES:
        raise DataError(f"label '{path}' is damaged: it has the PNG type {color_type}")
    try:
        check_size(width, height)
    except ImageError:
        raise DataError(
            f"label '{path}' is said to have {width}x{height} pixels, which no frame has; "
            'fetch it again'
        ) from None
    return width, height, bits, color_type


def _chunks(path: Path, data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Kind, content and the whole of each chunk, as long as they are complete."""
    start = len(_SIGNATURE)
    while start + 12 <= len(data):
        (length,) = struct.unpack_from('>I', data, start)
        end = start + 12 + length
        if end > len(data):
            return
        chunk = data[start:end]
        if zlib.crc32(chunk[4:-4]) != struct.unpack('>I', chunk[-4:])[0]:
            raise DataError(f"label '{path}' is damaged (a checksum is wrong); fetch it again")
        yield chunk[4:8], chunk[8:-4], chunk
        start = end


def _chunk(kind: bytes, content: bytes) -> bytes:
    crc = zlib.crc32(kind + content)
    return struct.pack('>I', len(content)) + kind + content + struct.pack('>I', crc)
