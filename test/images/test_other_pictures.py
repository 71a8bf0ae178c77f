# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""WebP, AVIF, BMP and TIFF files, written by Pillow, come out as pictures like any other."""

from __future__ import annotations

import io
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps, features

from drivseg_ros.errors import DataError, MissingDependencyError
from drivseg_ros.frames.label_images import open_label
from drivseg_ros.images.files import decode_image_file, find_images, read_image
from drivseg_ros.images.other_pictures import other_format

ROWS, COLUMNS = np.mgrid[:48, :64]
RGB = np.stack([ROWS * 4, COLUMNS * 3, np.where(ROWS < 24, 200, 20)], -1).astype(np.uint8)
FORMATS = ['WEBP', 'BMP', 'TIFF']
if features.check('avif'):
    FORMATS.append('AVIF')


def packed(kind: str, picture: Any = None, **options: Any) -> bytes:
    file = io.BytesIO()
    (picture or Image.fromarray(RGB)).save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize('kind', FORMATS)
@pytest.mark.parametrize('orientation', [1, 3, 6, 8])
def test_pictures_are_shown_as_pillow_shows_them(
    tmp_path: Path, kind: str, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = packed(kind, exif=exif)
    assert other_format(data) == kind
    path = tmp_path / f'a.{kind.lower()}'
    path.write_bytes(data)
    shown = np.asarray(ImageOps.exif_transpose(Image.open(path)))
    found = read_image(path)
    assert found.dtype == np.uint8
    assert found.shape == shown.shape
    assert np.abs(found.astype(int) - shown).max() <= 1
    assert find_images(tmp_path) == [path]


def test_the_content_counts_and_not_the_name(tmp_path: Path) -> None:
    """Half of the .jpg files of the web are WebP."""
    (tmp_path / 'a.jpg').write_bytes(packed('WEBP', lossless=True))
    np.testing.assert_array_equal(read_image(tmp_path / 'a.jpg'), RGB)


GREY = (ROWS * 5).astype(np.uint8)


@pytest.mark.parametrize(
    ('picture', 'expected'),
    [
        (Image.fromarray(GREY), GREY),
        (Image.fromarray(GREY.astype(np.uint16) * 257), GREY),
        (Image.fromarray(GREY.astype(np.int32) * 257), GREY),
        (Image.fromarray(GREY > 100), np.where(GREY > 100, 255, 0)),
        (Image.merge('LA', [Image.fromarray(GREY)] * 2), GREY),
        (Image.fromarray(np.dstack([GREY] * 3 + [GREY // 2])), GREY),
    ],
)
def test_kinds_of_pixels(picture: Any, expected: np.ndarray) -> None:
    found = decode_image_file(Path('a.tif'), packed('TIFF', picture))
    np.testing.assert_array_equal(found, np.repeat(expected[..., None], 3, axis=2))


@pytest.mark.parametrize(
    ('data', 'reason'),
    [
        (packed('TIFF', Image.fromarray(GREY / 7.0)), 'fractions'),
        (packed('TIFF', Image.fromarray(GREY.astype(np.int32) * 10**6)), 'outside 0 to 65535'),
        (packed('BMP', Image.new('1', (16000, 16000))), 'too large'),
        (packed('TIFF', Image.new('1', (16000, 16000)), compression='group4'), 'too large'),
        *((packed(kind)[:200], 'damaged') for kind in FORMATS if kind != 'BMP'),
        (packed('TIFF')[:40] + bytes(400), 'damaged TIFF'),
        (b'BM', 'damaged BMP'),
        (b'II*\0' + b'\xff' * 40, 'damaged TIFF'),
    ],
)
def test_what_is_no_picture_is_refused_in_a_sentence(data: bytes, reason: str) -> None:
    with pytest.raises(DataError, match=f"'a.x' cannot be used: .*({reason})"):
        decode_image_file(Path('a.x'), data)


def test_avif_without_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, 'get_supported', lambda: ['webp'])
    data = b'\0\0\0 ftypavif' + bytes(40)
    with pytest.raises(MissingDependencyError, match=r'does not read AVIF pictures; .*pip install'):
        decode_image_file(Path('a.avif'), data)


def test_masks_beside_pictures_are_no_pictures(tmp_path: Path) -> None:
    for name in ('a.jpg', 'a_mask.png', 'b_mask.png', 'c_mask.jpg', 'd.PNG', 'd_mask.PNG'):
        (tmp_path / name).write_bytes(b'')
    assert [f.name for f in find_images(tmp_path)] == ['a.jpg', 'b_mask.png', 'c_mask.jpg', 'd.PNG']


def seeds() -> list[bytes]:
    exif = Image.Exif()
    exif[0x0112] = 6
    small = Image.fromarray(RGB[:24, :32].copy())
    forms = [(kind, {}) for kind in (*FORMATS, 'PNG', 'JPEG')]
    forms += [('TIFF', {'compression': c}) for c in ('tiff_lzw', 'tiff_deflate', 'jpeg')]
    files = [packed(kind, small, exif=exif, **options) for kind, options in forms]
    planes = (GREY, GREY > 99, GREY.astype(np.uint16))
    return files + [packed('TIFF', Image.fromarray(plane)) for plane in planes]


@pytest.mark.parametrize('seed', range(4))
def test_damage_is_refused_in_a_sentence_or_decoded(tmp_path: Path, seed: int) -> None:
    chance, files, path = random.Random(seed), seeds(), tmp_path / 'a.tif'
    outcomes = {'read': 0, 'refused': 0}
    for _ in range(300):
        data = bytearray(chance.choice(files))
        for _ in range(chance.choice((1, 2, 8))):
            most = chance.choice((64, len(data)))
            data[chance.randrange(min(most, len(data)))] = chance.randrange(256)
        if chance.random() < 0.2:
            del data[chance.randrange(len(data)) :]
        path.write_bytes(data)

        def read_label() -> np.ndarray:
            label = open_label(path)
            return label.numbers() if label.has_numbers else label.colors()

        for read in (lambda: read_image(path), read_label):
            try:
                assert read().dtype == np.uint8
                outcomes['read'] += 1
            except DataError:
                outcomes['refused'] += 1
    assert min(outcomes.values()) > 30, outcomes
