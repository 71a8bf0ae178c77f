# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""JPEG and PNG against files that Pillow wrote, cut and damaged in every way."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rosbags.typesys import Stores, get_typestore

import drivseg_ros
from drivseg_ros.errors import ImageError, ParameterError
from drivseg_ros.images.codec import decode_compressed_image, encode_jpeg
from drivseg_ros.images.compression import decode_picture

PIL = pytest.importorskip('PIL.Image', reason='Pillow, the independent codec, is not installed')
CompressedImage = get_typestore(Stores.ROS2_JAZZY).types['sensor_msgs/msg/CompressedImage']


def smooth_picture(width: int = 48, height: int = 32) -> np.ndarray:
    """Soft colours, red on the left, blue on the right, so that JPEG hardly changes them."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    return np.stack([220 - 180 * x, 90 + 60 * y, 40 + 190 * x], axis=-1).astype(np.uint8)


RGB = smooth_picture()


def pillow(image: np.ndarray, codec: str, *, mode: str | None = None, **options: Any) -> bytes:
    picture = PIL.fromarray(image)
    if mode is not None:
        picture = picture.convert(mode)
    file = io.BytesIO()
    picture.save(file, codec, **options)
    return file.getvalue()


def chunk(name: bytes, content: bytes) -> bytes:
    crc = zlib.crc32(name + content)
    return struct.pack('>I', len(content)) + name + content + struct.pack('>I', crc)


def png16(values: np.ndarray) -> bytes:
    """A PNG of 16 bits, grey [H, W] or colour [H, W, 3 or 4], written by hand."""
    height, width = values.shape[:2]
    color_type = {2: 0, 3: {3: 2, 4: 6}.get(values.shape[-1], 0)}[values.ndim]
    rows = b''.join(b'\x00' + row.astype('>u2').tobytes() for row in values)
    header = struct.pack('>IIBBBBB', width, height, 16, color_type, 0, 0, 0)
    return (
        b'\x89PNG\r\n\x1a\n'
        + chunk(b'IHDR', header)
        + chunk(b'IDAT', zlib.compress(rows))
        + chunk(b'IEND', b'')
    )


def exif_rotated() -> bytes:
    exif = PIL.Exif()
    exif[0x0112] = 6
    return pillow(RGB, 'JPEG', quality=95, subsampling=0, exif=exif)


GRAY = RGB[..., 2]
RGBA = np.dstack([RGB, np.full(RGB.shape[:2], 7, np.uint8)])
WIDE = np.random.default_rng(3).integers(0, 65536, (9, 13, 4)).astype(np.uint16)
BITS = GRAY > 120
JPEG = pillow(RGB, 'JPEG', quality=95, subsampling=0)
PNG = pillow(RGB, 'PNG')


def gray(plane: np.ndarray) -> np.ndarray:
    return plane[..., None].repeat(3, axis=-1)


def eighths(values: np.ndarray) -> np.ndarray:
    return np.rint(values / 257).astype(np.uint8)


@pytest.mark.parametrize(
    ('file', 'image_format', 'expected', 'tolerance'),
    [
        (JPEG, 'rgb8; jpeg compressed bgr8', RGB, 3),
        (JPEG, 'bgr8; jpeg compressed bgr8', RGB, 3),
        (JPEG, 'jpeg', RGB, 3),
        (JPEG, '', RGB, 3),
        (JPEG, 'rgb8; jpeg compressed rgb8', RGB, 3),
        (JPEG + bytes(64), 'jpeg', RGB, 3),
        (pillow(RGB, 'JPEG', quality=95, progressive=True), 'jpeg', RGB, 6),
        (pillow(GRAY, 'JPEG', quality=95), 'mono8; jpeg compressed mono8', gray(GRAY), 3),
        (pillow(RGB, 'JPEG', mode='CMYK', quality=95), 'jpeg', RGB, 5),
        (exif_rotated(), 'jpeg', RGB, 3),
        (JPEG.replace(b'\xff\xc0', b'\xff\xff\xc0', 1), 'jpeg', RGB, 3),
        (JPEG.replace(b'\xff\xda', b'\xff\xff\xff\xda', 1), 'jpeg', RGB, 3),
        (PNG, 'rgb8; png compressed bgr8', RGB, 0),
        (PNG, 'png', RGB, 0),
        (PNG, 'jpeg', RGB, 0),
        (pillow(GRAY, 'PNG'), 'mono8; png compressed ', gray(GRAY), 0),
        (pillow(RGBA, 'PNG'), 'rgba8; png compressed bgr8', RGB, 0),
        (pillow(RGBA, 'PNG', mode='LA'), 'png', gray(np.array(PIL.fromarray(RGB).convert('L'))), 0),
        (pillow(BITS, 'PNG'), 'png', gray(BITS * np.uint8(255)), 0),
        (pillow(RGB // 64 * 64, 'PNG', mode='P'), 'png', None, 0),
        (png16(WIDE[..., 0]), 'mono16; png compressed ', gray(eighths(WIDE[..., 0])), 0),
        (png16(WIDE[..., :3]), 'rgb16; png compressed bgr16', eighths(WIDE[..., :3]), 0),
        (png16(WIDE), 'rgba16; png compressed bgr16', eighths(WIDE[..., :3]), 0),
    ],
)
def test_decodes_to_rgb(
    file: bytes, image_format: str, expected: np.ndarray | None, tolerance: int
) -> None:
    if expected is None:
        expected = np.array(PIL.open(io.BytesIO(file)).convert('RGB'))
    rgb = decode_compressed_image(
        CompressedImage(None, image_format, np.frombuffer(file, np.uint8))
    )
    assert rgb.dtype == np.uint8
    assert rgb.shape == expected.shape
    assert rgb.flags.c_contiguous
    assert np.abs(rgb.astype(int) - expected).max() <= tolerance


@pytest.mark.parametrize('codec', ['JPEG', 'PNG'])
def test_a_mosaic_sent_as_grey_is_turned_into_colour(codec: str) -> None:
    mosaic = np.full((16, 24), 120, np.uint8)
    mosaic[0::2, 0::2], mosaic[1::2, 1::2] = 150, 90
    options = {'quality': 100} if codec == 'JPEG' else {}
    rgb = decode_picture(
        pillow(mosaic, codec, **options), image_format=f'bayer_rggb8; {codec.lower()} compressed '
    )
    assert np.abs(rgb.astype(int) - [150, 120, 90]).max() <= 6


@pytest.mark.parametrize(
    ('image_format', 'mosaic'),
    [
        ('bayer_rggb8; jpeg compressed ', True),
        ('bayer_rggb8; png compressed bayer_rggb8', True),
        ('mono8; jpeg compressed bayer_rggb8', True),
        ('jpeg compressed bayer_rggb8', True),
        ('bayer_rggb8;jpeg compressed', True),
        ('bayer_rggb8', True),
        ('bayer_rggb8; jpeg compressed bayer_rggb8; quality 90', True),
        ('bayer_rggb8; jpeg compressed mono8', False),
        ('bayer_bggr16; png compressed mono16', False),
        ('bayer_rggb8; jpeg compressed bgr8', False),
        ('bayer_grbg8; jpeg compressed  mono8 ', False),
        ('16UC1; jpeg compressed mono8', False),
        ('mono8; jpeg compressed', False),
    ],
)
def test_what_was_packed_counts_and_not_what_the_camera_gave(
    image_format: str, mosaic: bool
) -> None:
    plane = np.full((16, 24), 120, np.uint8)
    plane[0::2, 0::2], plane[1::2, 1::2] = 150, 90
    rgb = decode_picture(pillow(plane, 'PNG'), image_format=image_format)
    if mosaic:
        assert np.abs(rgb.astype(int) - [150, 120, 90]).max() == 0
    else:
        np.testing.assert_array_equal(rgb, gray(plane))


def with_size(file: bytes, width: int, height: int) -> bytes:
    """The file with another size in its header."""
    if file.startswith(b'\x89PNG'):
        header = struct.pack('>II', width, height) + file[24:29]
        return file[:8] + chunk(b'IHDR', header) + file[33:]
    start = file.index(b'\xff\xc0') + 5
    return file[:start] + struct.pack('>HH', height, width) + file[start + 4 :]


def without(file: bytes, start: bytes, end: bytes) -> bytes:
    return file[: file.index(start)] + file[file.index(end) :]


def flipped(file: bytes, position: int) -> bytes:
    return file[:position] + bytes([file[position] ^ 0xFF]) + file[position + 1 :]


def thumbnail_only() -> bytes:
    """A JPEG cut in its data whose EXIF thumbnail has an end marker."""
    exif = b'Exif\x00\x00' + JPEG
    return JPEG[:2] + b'\xff\xe1' + struct.pack('>H', len(exif) + 2) + exif + JPEG[2:-40]


@pytest.mark.parametrize(
    ('file', 'image_format', 'kind', 'text'),
    [
        (b'', 'jpeg', 'empty', 'without data; a JPEG or PNG file is allowed'),
        (b'hello world', 'jpeg', 'codec', "'jpeg' whose data begins with 68 65 6c.*JPEG .ff d8 ff"),
        (b'\xff\xd8', '', 'codec', 'begins with ff d8;'),
        (b'\x00\x00\x00\x01\x67', 'h264', 'codec', "'h264' whose data begins with 00 00 00 01"),
        (pillow(RGB, 'GIF'), 'gif', 'codec', 'begins with 47 49 46'),
        (pillow(RGB, 'TIFF'), 'rgb8; tiff compressed ', 'codec', 'set the .*format to jpeg'),
        (bytes(12) + PNG, '16UC1; compressedDepth png', 'codec', 'is a depth image.*colour camera'),
        (bytes(12), '32FC1; compressedDepth rvl', 'codec', 'is a depth image'),
        (png16(WIDE[..., 0]), '16UC1; png compressed ', 'encoding', "'16UC1' cannot"),
        (PNG, '32FC1; png compressed ', 'encoding', "'32FC1' cannot"),
        (
            png16(WIDE[..., 0]),
            'bayer_rggb16; png compressed ',
            'encoding',
            "'bayer_rggb16' cannot",
        ),
        (pillow(GRAY[:2], 'PNG'), 'bayer_rggb8; png compressed ', 'size', '48 x 2.*too small'),
        (with_size(JPEG, 65500, 65500), 'jpeg', 'size', '65500 x 65500 pixels is too large'),
        (with_size(JPEG, 16384, 16384), 'jpeg', 'size', 'at most 16384 a side and 50 million'),
        (with_size(PNG, 2**31 - 1, 2**31 - 1), 'png', 'size', '2147483647 x 2147483647'),
        (with_size(JPEG, 0, 32), 'jpeg', 'empty', '0 x 32 pixels is empty'),
        (with_size(PNG, 48, 0), 'png', 'empty', '48 x 0 pixels is empty'),
        (with_size(PNG, 48, 64), 'png', 'png', 'PNG file of .* bytes is damaged'),
        (JPEG[:-1], 'jpeg', 'truncated', f'JPEG file of {len(JPEG) - 1} bytes ends too early'),
        (JPEG[:-2], 'jpeg', 'truncated', 'ends too early; one with its end marker is allowed'),
        (JPEG[: len(JPEG) // 2], 'jpeg', 'truncated', 'ends too early'),
        (JPEG[:4], 'jpeg', 'truncated', 'JPEG file of 4 bytes'),
        (JPEG[: len(JPEG) // 2] + bytes(900), 'jpeg', 'truncated', 'ends too early'),
        (thumbnail_only(), 'jpeg', 'truncated', 'ends too early'),
        (PNG[:-1], 'png', 'truncated', f'PNG file of {len(PNG) - 1} bytes ends too early'),
        (PNG[: len(PNG) // 2], 'png', 'truncated', 'ends too early'),
        (PNG[:8], 'png', 'truncated', 'PNG file of 8 bytes'),
        (b'\x89PNG\r\n\x1a\nIEND\xaeB`\x82', 'png', 'truncated', 'ends too early'),
        (
            without(JPEG, b'\xff\xc0', b'\xff\xc4'),
            'jpeg',
            'jpeg',
            'damaged.*; one that can be decoded',
        ),
        (JPEG[:2] + b'\xff\xd9', 'jpeg', 'jpeg', 'JPEG file of 4 bytes is damaged'),
        (without(JPEG, b'\xff\xdb', b'\xff\xc0'), 'jpeg', 'jpeg', 'is damaged'),
        (flipped(PNG, len(PNG) // 2), 'png', 'png', 'PNG file of .* is damaged'),
        (without(PNG, b'IDAT', b'IEND'), 'png', 'png', 'is damaged'),
        (flipped(PNG, len(PNG) - 5), 'png', 'png', 'a checksum does not match'),
        (flipped(PNG, PNG.index(b'IDAT') - 4), 'png', 'png', 'PNG file of .* is damaged'),
        (flipped(PNG, PNG.index(b'IDAT') - 2), 'png', 'png', 'PNG file of .* is damaged'),
    ],
)
def test_a_bad_file_is_one_clear_error(
    file: bytes, image_format: str, kind: str, text: str
) -> None:
    with pytest.raises(ImageError, match=text) as caught:
        decode_compressed_image(CompressedImage(None, image_format, np.frombuffer(file, np.uint8)))
    assert caught.value.kind == kind
    assert '\n' not in str(caught.value)


def test_every_cut_of_a_jpeg_is_noticed() -> None:
    for length in range(3, len(JPEG)):
        with pytest.raises(ImageError) as caught:
            decode_picture(JPEG[:length])
        assert caught.value.kind == 'truncated', length


def test_an_exception_of_opencv_is_an_image_error(tmp_path: Path) -> None:
    """OpenCV has limits of its own, which the environment can lower."""
    (tmp_path / 'picture.png').write_bytes(PNG)
    script = """
import sys
from pathlib import Path
from drivseg_ros.errors import ImageError
from drivseg_ros.images.compression import decode_picture
try:
    decode_picture(Path(sys.argv[1]).read_bytes())
except ImageError as error:
    print(error.kind)
"""
    result = subprocess.run(
        [sys.executable, '-c', script, str(tmp_path / 'picture.png')],
        env={**os.environ, 'OPENCV_IO_MAX_IMAGE_PIXELS': '100'},
        cwd=Path(drivseg_ros.__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (result.returncode, result.stdout) == (0, 'png\n'), result.stderr


@pytest.mark.parametrize('image_format', [None, 7, b'jpeg'])
def test_a_format_that_is_no_text_is_refused(image_format: Any) -> None:
    with pytest.raises(ImageError, match=r"'format' is .*a string is allowed") as caught:
        decode_compressed_image(CompressedImage(None, image_format, JPEG))
    assert caught.value.kind == 'message'


@st.composite
def damaged_files(draw: st.DrawFn) -> bytes:
    """A real file with some bytes changed, some cut out, and something put in."""
    file = bytearray(draw(st.sampled_from([JPEG, PNG, exif_rotated(), png16(WIDE)])))
    for _ in range(draw(st.integers(0, 4))):
        file[draw(st.integers(0, len(file) - 1))] = draw(st.integers(0, 255))
    start = draw(st.integers(0, len(file)))
    end = draw(st.integers(start, min(len(file), start + 100)))
    file[start:end] = draw(st.binary(max_size=20))
    return bytes(file)


@settings(max_examples=500, deadline=None)
@given(
    file=st.one_of(
        damaged_files(),
        st.binary(max_size=200),
        st.binary(max_size=200).map(lambda data: b'\xff\xd8\xff' + data + b'\xff\xd9'),
        st.binary(max_size=200).map(lambda data: PNG[:8] + data + PNG[-12:]),
    ),
    image_format=st.one_of(
        st.sampled_from(['jpeg', '', 'bayer_rggb8; jpeg compressed mono8', '16UC1; png']), st.text()
    ),
)
def test_whatever_comes_is_an_image_or_an_image_error(file: bytes, image_format: str) -> None:
    try:
        rgb = decode_compressed_image(CompressedImage(None, image_format, file))
    except ImageError as error:
        assert error.kind  # noqa: PT017
        return
    assert rgb.dtype == np.uint8
    assert rgb.ndim == 3
    assert rgb.shape[2] == 3


@pytest.mark.parametrize(
    'image',
    [RGB, RGB[..., ::-1], RGB[::2, 1:20], RGB[..., ::-1][3:, ::2], RGB[:1, :1]],
)
def test_an_encoded_jpeg_has_the_colours(image: np.ndarray) -> None:
    file = encode_jpeg(image, quality=100)
    theirs = np.array(PIL.open(io.BytesIO(file)).convert('RGB'))
    assert theirs.shape == image.shape
    # Chroma is halved, so a strong change of colour smears by a pixel.
    assert np.abs(theirs.astype(int) - image).mean() < 3
    assert np.array_equal(
        decode_picture(file),
        cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR)[..., ::-1],
    )


def test_less_quality_makes_a_smaller_file() -> None:
    noise = np.random.default_rng(4).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    sizes = [len(encode_jpeg(noise, quality=quality)) for quality in (10, 50, 90)]
    assert sizes == sorted(set(sizes))
    assert encode_jpeg(noise) == encode_jpeg(noise, quality=90)


@pytest.mark.parametrize(
    ('image', 'quality', 'error', 'text'),
    [
        (RGB, 0, ParameterError, 'quality 0 is not allowed; give an integer from 1 to 100'),
        (RGB, 101, ParameterError, 'quality 101'),
        (RGB, 90.0, ParameterError, r'quality 90\.0'),
        (RGB, None, ParameterError, 'quality None'),
        (GRAY, 90, ImageError, r'uint8 of shape \(32, 48\); uint8 \[H, W, 3\] is allowed'),
        (RGBA, 90, ImageError, r'shape \(32, 48, 4\)'),
        (RGB.astype(np.uint16), 90, ImageError, 'given as uint16'),
        (RGB[:0], 90, ImageError, '48 x 0 pixels is empty'),
    ],
)
def test_what_cannot_be_encoded_is_refused(
    image: np.ndarray, quality: Any, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        encode_jpeg(image, quality=quality)
