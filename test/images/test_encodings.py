# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Every raw encoding against arithmetic written anew, against OpenCV and cv_bridge."""

from __future__ import annotations

import array
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rosbags.typesys import Stores, get_typestore

from drivseg_ros.images.codec import decode_image
from drivseg_ros.images.encodings import ENCODINGS

STORE = get_typestore(Stores.ROS2_JAZZY)
Image = STORE.types['sensor_msgs/msg/Image']
HEADER = STORE.types['std_msgs/msg/Header'](
    stamp=STORE.types['builtin_interfaces/msg/Time'](sec=1, nanosec=2), frame_id='camera'
)
CONTAINERS: dict[str, Callable[[bytes], Any]] = {
    'bytes': bytes,
    'bytearray': bytearray,
    'array': lambda data: array.array('B', data),
    'numpy': lambda data: np.frombuffer(data, np.uint8),
}


def yuv_to_rgb(y: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """ITU-R BT.601, Y 16 to 235, in floating point; what is darker than black is black."""
    y = np.maximum(y.astype(float) - 16, 0) * 255 / 219
    u, v = u.astype(float) - 128, v.astype(float) - 128
    scale = 255 / 224
    red = y + 2 * (1 - 0.299) * scale * v
    green = y - 2 * scale * (0.114 * (1 - 0.114) / 0.587 * u + 0.299 * (1 - 0.299) / 0.587 * v)
    blue = y + 2 * (1 - 0.114) * scale * u
    return np.clip(np.stack([red, green, blue], axis=-1), 0, 255)


def packed_422(rows: np.ndarray, y0: int, u: int, v: int) -> np.ndarray:
    """Bytes in fours: y0 and y0 + 2 are the luma, u and v the colour of both pixels."""
    luma = rows[:, y0 % 2 :: 2]
    return yuv_to_rgb(luma, np.repeat(rows[:, u::4], 2, 1), np.repeat(rows[:, v::4], 2, 1))


def planes_420(rows: np.ndarray, u: int, v: int) -> np.ndarray:
    """Two thirds of the rows are luma, the others pairs of u and v for 2 x 2 pixels."""
    height = len(rows) * 2 // 3
    luma, chroma = rows[:height], rows[height:]
    enlarged = [chroma[:, i::2].repeat(2, axis=0).repeat(2, axis=1) for i in (u, v)]
    return yuv_to_rgb(luma, *enlarged)


def demosaic(rows: np.ndarray, pattern: str) -> np.ndarray:
    """Linear interpolation: the mean of the nearest samples of a colour; borders repeat."""
    height, width = rows.shape
    square = [pattern[:2], pattern[2:]]
    rgb = np.zeros((height, width, 3), np.uint8)
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            for channel, letter in enumerate('rgb'):
                near = [
                    (abs(dy) + abs(dx), int(rows[y + dy, x + dx]))
                    for dy in (-1, 0, 1)
                    for dx in (-1, 0, 1)
                    if square[(y + dy) % 2][(x + dx) % 2] == letter
                ]
                nearest = [value for distance, value in near if distance == min(near)[0]]
                rgb[y, x, channel] = (sum(nearest) + len(nearest) // 2) // len(nearest)
    rgb[0], rgb[-1] = rgb[1], rgb[-2]
    rgb[:, 0], rgb[:, -1] = rgb[:, 1], rgb[:, -2]
    return rgb


def channels(order: list[int]) -> Callable[[np.ndarray], np.ndarray]:
    def pick(rows: np.ndarray) -> np.ndarray:
        count = 4 if len(order) == 4 else max(order) + 1
        pixels = rows.reshape(len(rows), -1, count)
        return np.stack([pixels[:, :, i] for i in order[:3]], axis=-1)

    return pick


def mono16(rows: np.ndarray, *, big: bool) -> np.ndarray:
    high, low = (rows[:, 0::2], rows[:, 1::2]) if big else (rows[:, 1::2], rows[:, 0::2])
    values = high.astype(int) * 256 + low
    return np.floor(values / 257 + 0.5).astype(np.uint8)[..., None].repeat(3, axis=-1)


def gray(rows: np.ndarray) -> np.ndarray:
    return rows[..., None].repeat(3, axis=-1)


# encoding: bytes a pixel, multiple of the width and height, rows in memory per pixel row,
# least side, the tolerance of fixed-point arithmetic, the reference.
REFERENCES: dict[str, tuple[int, int, int, float, int, int, Callable[..., np.ndarray]]] = {
    'rgb8': (3, 1, 1, 1, 1, 0, channels([0, 1, 2])),
    'bgr8': (3, 1, 1, 1, 1, 0, channels([2, 1, 0])),
    '8UC3': (3, 1, 1, 1, 1, 0, channels([2, 1, 0])),
    'rgba8': (4, 1, 1, 1, 1, 0, channels([0, 1, 2, 3])),
    'bgra8': (4, 1, 1, 1, 1, 0, channels([2, 1, 0, 3])),
    '8UC4': (4, 1, 1, 1, 1, 0, channels([2, 1, 0, 3])),
    'mono8': (1, 1, 1, 1, 1, 0, gray),
    '8UC1': (1, 1, 1, 1, 1, 0, gray),
    'mono16': (2, 1, 1, 1, 1, 0, mono16),
    'uyvy': (2, 2, 1, 1, 1, 2, lambda rows: packed_422(rows, 1, 0, 2)),
    'yuv422': (2, 2, 1, 1, 1, 2, lambda rows: packed_422(rows, 1, 0, 2)),
    'yuyv': (2, 2, 1, 1, 1, 2, lambda rows: packed_422(rows, 0, 1, 3)),
    'yuv422_yuy2': (2, 2, 1, 1, 1, 2, lambda rows: packed_422(rows, 0, 1, 3)),
    'nv12': (1, 2, 2, 1.5, 1, 2, lambda rows: planes_420(rows, 0, 1)),
    'nv21': (1, 2, 2, 1.5, 1, 2, lambda rows: planes_420(rows, 1, 0)),
    'bayer_rggb8': (1, 1, 1, 1, 3, 0, lambda rows: demosaic(rows, 'rggb')),
    'bayer_bggr8': (1, 1, 1, 1, 3, 0, lambda rows: demosaic(rows, 'bggr')),
    'bayer_gbrg8': (1, 1, 1, 1, 3, 0, lambda rows: demosaic(rows, 'gbrg')),
    'bayer_grbg8': (1, 1, 1, 1, 3, 0, lambda rows: demosaic(rows, 'grbg')),
}


def make_image(
    encoding: str,
    *,
    width: int,
    height: int,
    padding: int = 0,
    container: str = 'bytes',
    big_endian: bool = False,
    seed: int = 0,
) -> tuple[Any, np.ndarray]:
    """A message of random bytes, also in its padding, and what it should be as RGB."""
    size, _, _, rows_a_row, _, _, reference = REFERENCES[encoding]
    rows = int(height * rows_a_row)
    noise = np.random.default_rng(seed).integers(
        0, 256, (rows, width * size + padding), dtype=np.uint8
    )
    msg = Image(
        header=HEADER,
        height=height,
        width=width,
        encoding=encoding,
        is_bigendian=int(big_endian),
        step=width * size + padding,
        data=CONTAINERS[container](noise.tobytes()),
    )
    pixels = noise[:, : width * size]
    expected = reference(pixels, big=big_endian) if encoding == 'mono16' else reference(pixels)
    return msg, expected


def test_every_encoding_has_a_reference() -> None:
    assert set(REFERENCES) == set(ENCODINGS)


@settings(max_examples=400, deadline=None)
@given(
    encoding=st.sampled_from(sorted(REFERENCES)),
    width=st.integers(1, 24),
    height=st.integers(1, 24),
    padding=st.one_of(st.just(0), st.integers(1, 17)),
    container=st.sampled_from(sorted(CONTAINERS)),
    big_endian=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_decodes_as_the_reference(
    encoding: str,
    width: int,
    height: int,
    padding: int,
    container: str,
    big_endian: bool,
    seed: int,
) -> None:
    _, multiple_w, multiple_h, _, least, tolerance, _ = REFERENCES[encoding]
    width, height = max(least, width) * multiple_w, max(least, height) * multiple_h
    msg, expected = make_image(
        encoding,
        width=width,
        height=height,
        padding=padding,
        container=container,
        big_endian=big_endian,
        seed=seed,
    )
    before = bytes(msg.data)
    rgb = decode_image(msg)
    assert rgb.dtype == np.uint8
    assert rgb.shape == (height, width, 3)
    assert np.abs(rgb.astype(float) - expected).max() <= tolerance
    assert bytes(msg.data) == before


@pytest.mark.parametrize('encoding', sorted(REFERENCES))
@pytest.mark.parametrize('size', [(640, 360), (642, 362)])
def test_decodes_as_opencv_does_with_other_calls(encoding: str, size: tuple[int, int]) -> None:
    width, height = size
    msg, _ = make_image(
        encoding if not encoding.startswith('bayer') else 'mono8', width=width, height=height
    )
    msg.encoding = encoding
    flat = np.frombuffer(msg.data, np.uint8)
    if encoding in ('nv12', 'nv21'):
        luma = flat[: width * height].reshape(height, width)
        chroma = flat[width * height :].reshape(height // 2, width // 2, 2)
        code = cv2.COLOR_YUV2BGR_NV12 if encoding == 'nv12' else cv2.COLOR_YUV2BGR_NV21
        bgr = cv2.cvtColorTwoPlane(luma, chroma, code)
    elif encoding == 'mono16':
        scaled = cv2.multiply(flat.view('<u2').reshape(height, width), 255 / 65535, dtype=cv2.CV_8U)
        bgr = cv2.merge([scaled] * 3)
    else:
        pixels = flat.reshape(height, width, -1)
        code = {
            'rgb8': cv2.COLOR_RGB2BGR,
            'rgba8': cv2.COLOR_RGBA2BGR,
            'bgra8': cv2.COLOR_BGRA2BGR,
            '8UC4': cv2.COLOR_BGRA2BGR,
            'mono8': cv2.COLOR_GRAY2BGR,
            '8UC1': cv2.COLOR_GRAY2BGR,
            'uyvy': cv2.COLOR_YUV2BGR_UYVY,
            'yuv422': cv2.COLOR_YUV2BGR_UYVY,
            'yuyv': cv2.COLOR_YUV2BGR_YUYV,
            'yuv422_yuy2': cv2.COLOR_YUV2BGR_YUYV,
            'bayer_rggb8': cv2.COLOR_BayerRGGB2BGR,
            'bayer_bggr8': cv2.COLOR_BayerBGGR2BGR,
            'bayer_gbrg8': cv2.COLOR_BayerGBRG2BGR,
            'bayer_grbg8': cv2.COLOR_BayerGRBG2BGR,
        }.get(encoding)
        bgr = pixels if code is None else cv2.cvtColor(pixels, code)
    assert np.array_equal(decode_image(msg), bgr[..., ::-1])


def test_decodes_as_cv_bridge_does() -> None:
    cv_bridge = pytest.importorskip('cv_bridge', reason='cv_bridge is not installed')
    messages = pytest.importorskip('sensor_msgs.msg', reason='sensor_msgs is not installed')
    # The others are new to it, or numbers without a meaning.
    known = [name for name in REFERENCES if name[:2] not in ('uy', 'yu', 'nv', '8U')]
    for encoding in [*known, 'yuv422', 'yuv422_yuy2']:
        for big_endian in (False, True):
            ours, _ = make_image(encoding, width=64, height=48, padding=4, big_endian=big_endian)
            msg = messages.Image(height=48, width=64, encoding=encoding, step=ours.step)
            msg.is_bigendian = int(big_endian)
            msg.data.frombytes(ours.data)
            theirs = cv_bridge.CvBridge().imgmsg_to_cv2(msg, 'rgb8')
            assert np.array_equal(decode_image(msg), theirs), (encoding, big_endian)


def test_mono16_is_scaled_as_cv_bridge_does_for_every_value() -> None:
    """cv_bridge: convertTo(CV_8U, 255. / 65535.), which rounds."""
    values = np.arange(65536).reshape(256, 256)
    for big_endian, dtype in ((0, '<u2'), (1, '>u2')):
        msg = Image(HEADER, 256, 256, 'mono16', big_endian, 512, values.astype(dtype).tobytes())
        assert np.array_equal(decode_image(msg)[..., 1], np.rint(values * 255 / 65535))


@pytest.mark.parametrize('pattern', ['rggb', 'bggr', 'gbrg', 'grbg'])
@pytest.mark.parametrize('size', [(3, 3), (4, 3), (5, 8), (32, 18)])
def test_a_mosaic_of_one_colour_comes_back_as_that_colour(
    pattern: str, size: tuple[int, int]
) -> None:
    width, height = size
    color = {'r': 200, 'g': 120, 'b': 10}
    mosaic = np.empty((height, width), np.uint8)
    for i, letter in enumerate(pattern):
        mosaic[i // 2 :: 2, i % 2 :: 2] = color[letter]
    msg = Image(HEADER, height, width, f'bayer_{pattern}8', 0, width, mosaic.tobytes())
    assert (decode_image(msg) == [200, 120, 10]).all()
