# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""JPEGs that are damaged inside: what the decoder notices costs the frame."""

from __future__ import annotations

import re
from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from drivseg_ros.errors import ImageError
from drivseg_ros.images import jpeg_library
from drivseg_ros.images.compression import decode_picture
from drivseg_ros.images.jpeg_library import damage_goes_unnoticed, find_simplejpeg

needs_simplejpeg = pytest.mark.skipif(
    find_simplejpeg() is None, reason='simplejpeg, which notices damage, is not installed'
)


def street(width: int = 320, height: int = 240) -> np.ndarray:
    """Soft shapes with some noise, about as dense as a camera's picture."""
    noise = np.random.default_rng(5).normal(0, 6, (height, width, 3))
    x, y = np.meshgrid(np.linspace(0, 9, width), np.linspace(0, 7, height))
    return np.clip(120 + 60 * (np.sin(x) * np.cos(y))[..., None] + noise, 0, 255).astype(np.uint8)


def jpeg(picture: np.ndarray, *options: int) -> bytes:
    return cv2.imencode('.jpg', picture, list(options))[1].tobytes()


RESTARTS = (cv2.IMWRITE_JPEG_RST_INTERVAL, 5)
KINDS = {
    'baseline': jpeg(street()),
    'restarts': jpeg(street(), *RESTARTS),
    'progressive': jpeg(street(), cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    'grey': jpeg(street()[..., 0]),
    'odd size': jpeg(street(317, 233)),
}
if hasattr(cv2, 'IMWRITE_JPEG_SAMPLING_FACTOR'):  # not in OpenCV 4.6
    KINDS |= {
        f'{factors:x}': jpeg(street(), cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factors)
        for factors in (0x111111, 0x211111, 0x121111, 0x411111)
    }


@pytest.fixture
def no_simplejpeg(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(jpeg_library.importlib.sys.modules, 'simplejpeg', None)
    find_simplejpeg.cache_clear()
    yield
    find_simplejpeg.cache_clear()


@needs_simplejpeg
@pytest.mark.parametrize('kind', KINDS)
def test_the_pixels_are_those_of_opencv(kind: str) -> None:
    theirs = cv2.imdecode(np.frombuffer(KINDS[kind], np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    np.testing.assert_array_equal(decode_picture(KINDS[kind]), theirs)


@needs_simplejpeg
def test_most_flipped_bits_that_are_visible_are_noticed() -> None:
    """Of 300 files with a flipped bit each; OpenCV takes nearly all of them."""
    file = KINDS['baseline']
    right = decode_picture(file).astype(int)
    start = file.index(b'\xff\xda') + 12
    noticed = spoilt = 0
    for position in np.random.default_rng(7).integers(start, len(file) - 2, 300):
        flipped = bytearray(file)
        flipped[position] ^= 1 << int(position) % 8
        try:
            found = decode_picture(bytes(flipped))
        except ImageError as error:
            noticed += 1
            assert error.kind in ('jpeg', 'truncated')  # noqa: PT017
        else:
            spoilt += (np.abs(found - right).max(2) > 16).mean() > 0.05
    assert noticed > 5 * spoilt


@needs_simplejpeg
@pytest.mark.parametrize(
    ('file', 'text'),
    [
        (KINDS['baseline'][:-400] + b'\xff\xd9', 'premature end of data segment'),
        (KINDS['restarts'].replace(b'\xff\xd3', b'\xff\xd6', 1), 'found marker 0xd6 instead'),
        (KINDS['baseline'][:-2] + b'\x5a' * 40 + b'\xff\xd9', 'extraneous bytes before'),
    ],
)
def test_what_libjpeg_says_is_in_the_error(file: bytes, text: str) -> None:
    with pytest.raises(ImageError, match=f'is damaged .*{text}') as caught:
        decode_picture(file)
    assert caught.value.kind == 'jpeg'


@pytest.mark.parametrize('marker', [b'\xff\xd0', b'\xff\xd5', b'\xff\xd9'])
def test_bytes_that_webcams_leave_before_markers_are_no_damage(marker: bytes) -> None:
    """As Logitech's C270 and C910 do in every frame."""
    file = KINDS['restarts']
    padded = file.replace(marker, b'\x12\x34\x56' + marker)
    assert padded != file
    np.testing.assert_array_equal(decode_picture(padded), decode_picture(file))


def test_without_simplejpeg_it_is_opencv_and_said(no_simplejpeg: None) -> None:
    assert re.search(
        'simplejpeg is not installed: .* not counted as failed; .*pip install .*simplejpeg',
        damage_goes_unnoticed(),
    )
    file = KINDS['baseline']
    theirs = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    np.testing.assert_array_equal(decode_picture(file), theirs)
    assert decode_picture(file[:-400] + b'\xff\xd9').shape == theirs.shape


@needs_simplejpeg
def test_with_simplejpeg_nothing_is_said() -> None:
    assert damage_goes_unnoticed() == ''
