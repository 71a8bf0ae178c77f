# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Label images as people's tools write them, made without OpenCV."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np

# Bits of a sample and PNG's colour type.
LABEL_KINDS = {
    'grey of 1 bit': (1, 0),
    'grey of 2 bits': (2, 0),
    'grey of 4 bits': (4, 0),
    'grey of 8 bits': (8, 0),
    'grey of 16 bits': (16, 0),
    'palette of 1 bit': (1, 3),
    'palette of 8 bits': (8, 3),
}


def write_label(path: Path, ids: np.ndarray, kind: str) -> None:
    """Writes ids, uint8 [H, W], as they are, in one of LABEL_KINDS."""
    bits, color_type = LABEL_KINDS[kind]
    height, width = ids.shape
    rows = b''
    for row in ids:
        line = ''.join(format(int(value), f'0{bits}b') for value in row)
        line += '0' * (-len(line) % 8)
        rows += b'\0' + int(line, 2).to_bytes(len(line) // 8, 'big')
    fields = struct.pack('>IIBBBBB', width, height, bits, color_type, 0, 0, 0)
    # Class 0 in purple, and 1 in green: no grey that could be taken for an id.
    palette = bytes([128, 64, 128, 0, 200, 0] + [0] * (3 * 2 ** min(bits, 8) - 6))
    path.write_bytes(
        b'\x89PNG\r\n\x1a\n'
        + _chunk(b'IHDR', fields)
        + (_chunk(b'PLTE', palette) if color_type == 3 else b'')
        + _chunk(b'IDAT', zlib.compress(rows))
        + _chunk(b'IEND', b'')
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    crc = zlib.crc32(kind + content)
    return struct.pack('>I', len(content)) + kind + content + struct.pack('>I', crc)
