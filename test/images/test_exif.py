# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Picture files are read as viewers show them; messages are not turned."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest

from drivseg_ros.images.compression import decode_picture, read_header
from drivseg_ros.images.exif import exif_orientation
from drivseg_ros.images.files import find_images, read_image

PIL = pytest.importorskip('PIL.Image', reason='Pillow, the independent reader, is not installed')
OPS = pytest.importorskip('PIL.ImageOps', reason='Pillow is not installed')
ROWS, COLUMNS = np.mgrid[:48, :64]
RGB = np.stack([ROWS * 4, COLUMNS * 3, np.where(ROWS < 24, 200, 20)], -1).astype(np.uint8)


def held(orientation: int) -> bytes:
    exif = PIL.Exif()
    exif[0x010F] = 'a camera'
    exif[0x0112] = orientation
    file = io.BytesIO()
    PIL.fromarray(RGB).save(file, 'JPEG', quality=95, exif=exif)
    return file.getvalue()


@pytest.mark.parametrize('orientation', range(1, 9))
def test_files_are_turned_as_pillow_turns_them(tmp_path: Path, orientation: int) -> None:
    data = held(orientation)
    path = tmp_path / 'held.jpg'
    path.write_bytes(data)
    shown = np.asarray(OPS.exif_transpose(PIL.open(path)))
    found = read_image(path)
    assert found.shape == shown.shape
    assert np.abs(found.astype(int) - shown).mean() < 2
    header = read_header(data)
    assert header.orientation == orientation
    assert header.plain == (orientation == 1)
    assert decode_picture(data).shape == RGB.shape


def test_xmp_behind_exif_changes_nothing() -> None:
    """Phones write both, each into a segment APP1."""
    data = held(6)
    start = data.index(b'\xff\xe1')
    end = start + 2 + int.from_bytes(data[start + 2 : start + 4], 'big')
    xmp = b'http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>'
    segment = b'\xff\xe1' + (len(xmp) + 2).to_bytes(2, 'big') + xmp
    assert read_header(data[:end] + segment + data[end:]).orientation == 6
    assert read_header(data[:start] + segment + data[start:]).orientation == 6


@pytest.mark.parametrize(('kind', 'form'), [(1, 'B'), (3, 'H'), (4, 'I')])
@pytest.mark.parametrize('order', ['<', '>'])
def test_orientation_of_every_whole_type(kind: int, form: str, order: str) -> None:
    mark = {'<': b'II', '>': b'MM'}[order]
    tiff = mark + struct.pack(f'{order}HIHHHI', 42, 8, 1, 0x0112, kind, 1)
    tiff += struct.pack(f'{order}{form}', 8).ljust(4, b'\0')
    assert exif_orientation(b'Exif\0\0' + tiff) == 8


@pytest.mark.parametrize('orientation', [1, 3, 6])
def test_png_files_are_turned(tmp_path: Path, orientation: int) -> None:
    exif = PIL.Exif()
    exif[0x0112] = orientation
    path = tmp_path / 'held.png'
    PIL.fromarray(RGB).save(path, exif=exif)
    np.testing.assert_array_equal(read_image(path), np.asarray(OPS.exif_transpose(PIL.open(path))))
    assert read_header(path.read_bytes()).plain == (orientation == 1)
    np.testing.assert_array_equal(decode_picture(path.read_bytes()), RGB)


@pytest.mark.parametrize(
    'segment',
    [
        b'',
        b'Exif\0\0',
        b'Exif\0\0XX*\0',
        b'Exif\0\0II*\0\xff\xff\xff\xff',
        b'Exif\0\0II*\0\x08\0\0\0\xff\xff',
        b'Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x09\0\0\0',
    ],
)
def test_nonsense_is_upright(segment: bytes) -> None:
    assert exif_orientation(segment) == 1


def test_hidden_files_are_no_pictures(tmp_path: Path) -> None:
    for name in ('b.jpg', 'a.PNG', '._b.jpg', '.c.jpg'):
        (tmp_path / name).write_bytes(held(1))
    assert [f.name for f in find_images(tmp_path)] == ['a.PNG', 'b.jpg']
