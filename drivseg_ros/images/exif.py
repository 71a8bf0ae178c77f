# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How a camera was held, as a picture file states it, and turning the picture upright.

CIPA DC-008 (Exif 2.32), tag 274 (0x0112), Orientation: 1 to 8.
"""

from __future__ import annotations

import struct

import numpy as np

_ORIENTATION = 0x0112
# By the type of the entry; SHORT (3) is right, and some write BYTE or LONG.
_FORMS = {1: 'B', 3: 'H', 4: 'I'}
# By orientation: rows and columns change places first; then rows, then columns are reversed.
_TURNS = {
    1: (False, False, False),
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}


def exif_orientation(segment: bytes) -> int:
    """The orientation in the content of a JPEG's APP1 segment; 1 where it states none."""
    return tiff_orientation(segment[6:]) if is_exif(segment) else 1


def is_exif(segment: bytes) -> bool:
    """Whether an APP1 segment holds EXIF: others hold XMP."""
    return segment.startswith(b'Exif\0\0')


def tiff_orientation(tiff: bytes) -> int:
    """The orientation in EXIF's TIFF, as a PNG's chunk eXIf holds it; 1 where it states none."""
    order = {b'II': '<', b'MM': '>'}.get(tiff[:2])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(f'{order}I', tiff, 4)
        (count,) = struct.unpack_from(f'{order}H', tiff, start)
        for entry in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind = struct.unpack_from(f'{order}HH', tiff, entry)
            if tag == _ORIENTATION and kind in _FORMS:
                (value,) = struct.unpack_from(f'{order}{_FORMS[kind]}', tiff, entry + 8)
                return value if value in _TURNS else 1
    except struct.error:  # cut, or nonsense: viewers show such a picture as it is
        pass
    return 1


def turn_upright(picture: np.ndarray, orientation: int) -> np.ndarray:
    """The picture as viewers show it.

    Args:
        picture: [H, W, ...].
        orientation: 1 to 8.

    Returns:
        [H, W, ...], or [W, H, ...] from 5 on; contiguous, or the picture itself.
    """
    across, rows, columns = _TURNS[orientation]
    turned = picture.swapaxes(0, 1) if across else picture
    turned = turned[::-1] if rows else turned
    turned = turned[:, ::-1] if columns else turned
    return picture if turned is picture else np.ascontiguousarray(turned)
