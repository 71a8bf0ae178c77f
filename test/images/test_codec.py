# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Messages in and out: views, defects, and the real classes of rosbags and rclpy."""

from __future__ import annotations

import array
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rosbags.typesys import Stores, get_typestore

import drivseg_ros
from drivseg_ros.errors import ImageError
from drivseg_ros.images.codec import (
    compressed_image_fields,
    decode_compressed_image,
    decode_image,
    decode_labels,
    encode_jpeg,
    fill_compressed_image,
    fill_image,
    image_fields,
)
from drivseg_ros.images.encodings import ENCODINGS

STORE = get_typestore(Stores.ROS2_JAZZY)
Image = STORE.types['sensor_msgs/msg/Image']
CompressedImage = STORE.types['sensor_msgs/msg/CompressedImage']
HEADER = STORE.types['std_msgs/msg/Header'](
    stamp=STORE.types['builtin_interfaces/msg/Time'](sec=-5, nanosec=999_999_999),
    frame_id='camera_optical',
)
CONTAINERS: dict[str, Callable[[bytes], Any]] = {
    'bytes': bytes,
    'bytearray': bytearray,
    'array': lambda data: array.array('B', data),
    'numpy': lambda data: np.frombuffer(data, np.uint8),
}


@pytest.mark.parametrize('padding', [0, 5])
@pytest.mark.parametrize(
    ('encoding', 'size', 'order'),
    [
        ('rgb8', 3, [0, 1, 2]),
        ('bgr8', 3, [2, 1, 0]),
        ('8UC3', 3, [2, 1, 0]),
        ('rgba8', 4, None),
        ('bgra8', 4, None),
        ('mono8', 1, None),
    ],
)
def test_bytes_that_are_rgb_already_are_not_copied(
    encoding: str, size: int, order: list[int] | None, padding: int
) -> None:
    step = 8 * size + padding
    data = array.array('B', np.arange(6 * step, dtype=np.uint8).tobytes())
    memory = np.frombuffer(data, np.uint8)
    rgb = decode_image(Image(HEADER, 6, 8, encoding, 0, step, data))
    assert np.shares_memory(rgb, memory) is (order is not None)
    if order is not None:
        pixels = memory.reshape(6, step)[:, : 8 * size].reshape(6, 8, size)
        assert np.array_equal(rgb, pixels[:, :, order])
        with pytest.raises(ValueError, match='read-only'):
            rgb[0, 0, 0] = 1


# A valid rgb8 image of 6 x 4 pixels, with these fields changed: the kind, and a part of the text.
@pytest.mark.parametrize(
    ('changes', 'kind', 'text'),
    [
        ({'encoding': 'h264'}, 'encoding', "'h264' cannot.*allowed are rgb8, bgr8.*publish one"),
        ({'encoding': ''}, 'encoding', "encoding '' cannot.*allowed are rgb8"),
        ({'encoding': 'RGB8'}, 'encoding', "'RGB8'"),
        ({'encoding': '16UC1'}, 'encoding', "'16UC1' cannot.*mono16"),
        ({'encoding': '32FC1'}, 'encoding', "'32FC1' cannot"),
        ({'encoding': 'x' * 5000}, 'encoding', "'x{56}... cannot"),
        ({'encoding': None}, 'encoding', 'encoding None cannot'),
        ({'encoding': ['rgb8']}, 'encoding', r"\['rgb8'\] cannot"),
        ({'width': 0}, 'empty', '0 x 4 pixels is empty.*at least 1 x 1'),
        ({'height': 0}, 'empty', '6 x 0 pixels is empty'),
        ({'height': -4}, 'empty', '6 x -4 pixels is empty'),
        ({'width': 0, 'height': 0, 'step': 0, 'data': b''}, 'empty', '0 x 0'),
        ({'width': 16385}, 'size', '16385 x 4 pixels is too large; at most 16384 a side'),
        ({'height': 2**32 - 1}, 'size', '6 x 4294967295 pixels is too large'),
        ({'width': 16384, 'height': 16384}, 'size', 'at most 16384 a side and 50 million'),
        ({'encoding': 'bayer_rggb8', 'width': 2}, 'size', '2 x 4 pixels is too small.*3 a side'),
        ({'encoding': 'bayer_rggb8', 'height': 1}, 'size', "'bayer_rggb8', which needs 3 a side"),
        ({'encoding': 'yuv422', 'width': 5}, 'odd_size', '5 x 4.*needs an even width; crop it'),
        ({'encoding': 'yuyv', 'width': 5}, 'odd_size', "'yuyv', which needs an even width;"),
        ({'encoding': 'nv12', 'width': 5}, 'odd_size', 'needs an even width and height'),
        ({'encoding': 'nv12', 'height': 3}, 'odd_size', '6 x 3.*needs an even width and height'),
        ({'encoding': 'nv21', 'height': 3}, 'odd_size', "'nv21'"),
        ({'step': 17}, 'step', 'step 17 is shorter.*6 pixels in rgb8, which has 18 bytes; at'),
        ({'step': 0}, 'step', 'step 0 is shorter'),
        ({'encoding': 'rgba8'}, 'step', 'step 18 is shorter.*rgba8, which has 24 bytes'),
        ({'encoding': 'mono16', 'step': 11}, 'step', 'mono16, which has 12 bytes'),
        ({'step': 19}, 'long_step', '72 bytes, but 4 rows of step 19 have 76; without padding a'),
        ({'step': 2**32 - 1}, 'long_step', '4 rows of step 4294967295 have 17179869180'),
        ({'data': b'x' * 71}, 'truncated', 'only 71 bytes, but 4 rows of step 18 have 72; just'),
        ({'data': b''}, 'truncated', 'only 0 bytes'),
        ({'data': array.array('B')}, 'truncated', 'only 0 bytes'),
        ({'data': np.empty(0, np.uint8)}, 'truncated', 'only 0 bytes'),
        ({'encoding': 'nv12', 'step': 6}, 'too_long', '6 rows of step 6 have 36; just'),
        ({'encoding': 'nv12', 'step': 12, 'data': bytes(48)}, 'long_step', '6 rows of step 12'),
        ({'encoding': 'nv12', 'step': 6, 'data': bytes(24)}, 'truncated', '6 rows of step 6 have'),
        ({'data': b'x' * 73}, 'too_long', '73 bytes, but 4 rows of step 18 have 72; just these'),
        ({'encoding': 'mono8', 'step': 6}, 'too_long', '72 bytes, but 4 rows of step 6 have 24'),
        ({'width': None}, 'message', "'width' is None; an integer is allowed"),
        ({'height': 4.0}, 'message', "'height' is 4.0"),
        ({'step': '18'}, 'message', "'step' is '18'"),
        ({'encoding': 'mono16', 'is_bigendian': 'no'}, 'message', "'is_bigendian' is 'no'"),
        ({'data': [0] * 72}, 'message', "'data' is <class 'list'>; a buffer of bytes is allowed"),
        ({'data': None}, 'message', 'a buffer of bytes'),
        ({'data': 'x' * 72}, 'message', 'a buffer of bytes'),
        ({'data': np.zeros((72, 2), np.uint8)[:, 0]}, 'message', 'a buffer of bytes'),
    ],
)
def test_a_malformed_image_is_one_clear_error(
    changes: dict[str, Any], kind: str, text: str
) -> None:
    fields = {
        'header': HEADER,
        'height': 4,
        'width': 6,
        'encoding': 'rgb8',
        'is_bigendian': 0,
        'step': 18,
        'data': bytes(72),
    }
    assert decode_image(Image(**fields)).shape == (4, 6, 3)
    with pytest.raises(ImageError, match=text) as caught:
        decode_image(Image(**{**fields, **changes}))
    assert caught.value.kind == kind
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('decode', [decode_image, decode_labels, decode_compressed_image])
def test_another_message_type_is_an_image_error(decode: Callable[[Any], np.ndarray]) -> None:
    with pytest.raises(ImageError, match=r'has no field.*check the topic') as caught:
        decode(SimpleNamespace(data=b'x'))
    assert caught.value.kind == 'message'


SMALL = st.integers(-2, 40)
FIELD = st.one_of(SMALL, st.integers(-(2**33), 2**33), st.none(), st.text(max_size=3), st.floats())


@settings(max_examples=600, deadline=None)
@given(
    encoding=st.one_of(st.sampled_from(sorted(ENCODINGS)), st.text(max_size=12)),
    height=st.one_of(SMALL, FIELD),
    width=st.one_of(SMALL, FIELD),
    step=st.one_of(SMALL, FIELD),
    is_bigendian=FIELD,
    data=st.one_of(
        st.binary(max_size=600), st.integers(0, 1600).map(bytes), st.none(), st.lists(SMALL)
    ),
    container=st.sampled_from([lambda data: data, *CONTAINERS.values()]),
)
def test_whatever_comes_is_an_image_or_an_image_error(
    encoding: str,
    height: Any,
    width: Any,
    step: Any,
    is_bigendian: Any,
    data: Any,
    container: Callable[[bytes], Any],
) -> None:
    if isinstance(data, bytes):
        data = container(data)
    msg = Image(HEADER, height, width, encoding, is_bigendian, step, data)
    for decode, shape in ((decode_image, (height, width, 3)), (decode_labels, (height, width))):
        try:
            assert decode(msg).shape == shape
        except ImageError as error:
            assert error.kind  # noqa: PT017
            assert str(error)  # noqa: PT017


@pytest.mark.parametrize('encoding', ['mono8', '8UC1'])
@pytest.mark.parametrize('padding', [0, 3])
def test_labels_are_a_view_on_the_data(encoding: str, padding: int) -> None:
    step = 7 + padding
    data = array.array('B', range(5 * step))
    labels = decode_labels(Image(HEADER, 5, 7, encoding, 0, step, data))
    assert labels.tolist() == [[row * step + i for i in range(7)] for row in range(5)]
    assert np.shares_memory(labels, np.frombuffer(data, np.uint8))
    assert not labels.flags.writeable


@pytest.mark.parametrize(
    ('changes', 'kind', 'text'),
    [
        (
            {'encoding': 'rgb8'},
            'encoding',
            "labels of the encoding 'rgb8'; allowed are mono8, 8UC1",
        ),
        ({'encoding': None}, 'encoding', 'labels of the encoding None'),
        ({'data': bytes(23)}, 'truncated', 'only 23 bytes'),
    ],
)
def test_labels_that_are_none_are_refused(changes: dict[str, Any], kind: str, text: str) -> None:
    names = ('header', 'height', 'width', 'encoding', 'is_bigendian', 'step', 'data')
    fields = dict(zip(names, (HEADER, 4, 6, 'mono8', 0, 6, bytes(24)), strict=True))
    assert decode_labels(Image(**fields)).shape == (4, 6)
    with pytest.raises(ImageError, match=text) as caught:
        decode_labels(Image(**{**fields, **changes}))
    assert caught.value.kind == kind


PICTURE = np.random.default_rng(1).integers(0, 256, (5, 7, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ('image', 'encoding', 'rgb'),
    [
        (PICTURE, 'rgb8', PICTURE),
        (PICTURE, 'bgr8', PICTURE[..., ::-1]),
        (PICTURE[..., ::-1], 'bgr8', PICTURE),
        (PICTURE[::2, 1:5], 'rgb8', PICTURE[::2, 1:5]),
        (PICTURE[..., 1], 'mono8', PICTURE[..., [1, 1, 1]]),
        (PICTURE[:1, :1], 'rgb8', PICTURE[:1, :1]),
    ],
)
def test_what_is_sent_with_rosbags_arrives(
    image: np.ndarray, encoding: str, rgb: np.ndarray
) -> None:
    def arrived(msg: Any) -> Any:
        serialized = STORE.serialize_cdr(msg, 'sensor_msgs/msg/Image')
        return STORE.deserialize_cdr(serialized, 'sensor_msgs/msg/Image')

    empty = Image(HEADER, 0, 0, '', 1, 0, np.empty(0, np.uint8))
    header = STORE.types['std_msgs/msg/Header'](stamp=HEADER.stamp, frame_id='other')
    filled = fill_image(empty, image, encoding=encoding, header=header)
    assert filled is empty
    for msg in (arrived(filled), arrived(Image(header, **image_fields(image, encoding=encoding)))):
        assert msg.header == header
        assert (msg.encoding, msg.is_bigendian) == (encoding, 0)
        assert msg.step * msg.height == len(msg.data) == image.size
        assert np.array_equal(decode_image(msg), rgb)
    # The message keeps what it was given, whatever becomes of the array.
    assert not np.shares_memory(filled.data, image)
    assert filled.header is header


def test_without_a_header_the_message_keeps_its_own() -> None:
    empty = Image(HEADER, 0, 0, '', 1, 0, np.empty(0, np.uint8))
    assert fill_image(empty, PICTURE, encoding='rgb8').header is HEADER


@pytest.mark.parametrize(
    ('image', 'encoding', 'kind', 'text'),
    [
        (PICTURE, 'rgba8', 'encoding', "not sent in the encoding 'rgba8'; choose one of mono8, rg"),
        (PICTURE, 'mono8', 'array', r'mono8 image given as uint8 of shape \(5, 7, 3\).*\[H, W\]'),
        (PICTURE[..., 0], 'rgb8', 'array', r'uint8 of shape \(5, 7\); uint8 \[H, W, 3\]'),
        (PICTURE.astype(float), 'rgb8', 'array', 'given as float64'),
        (PICTURE[..., 0] > 3, 'mono8', 'array', 'given as bool'),
        (PICTURE[..., [0, 1, 2, 0]], 'rgb8', 'array', r'shape \(5, 7, 4\)'),
        (PICTURE[:0], 'rgb8', 'empty', '7 x 0 pixels is empty'),
        (PICTURE[:, :0, 0], 'mono8', 'empty', '0 x 5 pixels is empty'),
        (np.broadcast_to(PICTURE[:1, :1], (1, 16385, 3)), 'rgb8', 'size', 'too large'),
    ],
)
def test_what_cannot_be_sent_is_refused(
    image: np.ndarray, encoding: str, kind: str, text: str
) -> None:
    empty = Image(HEADER, 0, 0, '', 1, 0, np.empty(0, np.uint8))
    with pytest.raises(ImageError, match=text) as caught:
        fill_image(empty, image, encoding=encoding)
    assert caught.value.kind == kind
    assert len(empty.data) == 0


def test_a_full_message_is_not_filled_again() -> None:
    msg = fill_image(Image(HEADER, 0, 0, '', 1, 0, array.array('B')), PICTURE, encoding='rgb8')
    with pytest.raises(ImageError, match='already holds 105 bytes; an empty one') as caught:
        fill_image(msg, PICTURE, encoding='rgb8')
    assert caught.value.kind == 'message'


def test_a_jpeg_sent_with_rosbags_arrives() -> None:
    jpeg = encode_jpeg(PICTURE)
    header, name = HEADER, 'sensor_msgs/msg/CompressedImage'
    filled = fill_compressed_image(
        CompressedImage(None, '', np.empty(0, np.uint8)), jpeg, header=header
    )
    for msg in (filled, CompressedImage(header, **compressed_image_fields(jpeg))):
        msg = STORE.deserialize_cdr(STORE.serialize_cdr(msg, name), name)
        assert msg.header == HEADER
        assert msg.format == 'rgb8; jpeg compressed bgr8'
        assert bytes(msg.data) == jpeg
        assert decode_compressed_image(msg).shape == PICTURE.shape


# Runs with the real messages, in a process of its own: the mode is read when they are imported.
ROS_SCRIPT = """
import sys
import numpy as np
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CompressedImage, Image
from drivseg_ros.images.codec import (
    decode_compressed_image, decode_image, decode_labels, encode_jpeg, fill_compressed_image,
    fill_image)

try:
    Image(height='tall')
    checks = '0'
except AssertionError:
    checks = '1'
assert checks == sys.argv[1], checks

source = Image()
source.header.stamp.sec, source.header.stamp.nanosec = -7, 999999999
source.header.frame_id = 'camera_optical'
header_bytes = serialize_message(source.header)
picture = np.random.default_rng(2).integers(0, 256, (18, 33, 3), dtype=np.uint8)

for image, encoding, rgb in (
    (picture, 'rgb8', picture),
    (picture, 'bgr8', picture[..., ::-1]),
    (picture[..., ::-1], 'bgr8', picture),
    (picture[3:, ::2], 'rgb8', picture[3:, ::2]),
    (picture[..., 0], 'mono8', picture[..., [0, 0, 0]]),
):
    image = image.copy(order='K')
    sent = fill_image(Image(), image, encoding=encoding, header=source.header)
    image[...] = 0
    msg = deserialize_message(serialize_message(sent), Image)
    assert serialize_message(msg.header) == header_bytes
    assert (msg.height, msg.width) == image.shape[:2]
    assert msg.step * msg.height == len(msg.data) == image.size
    assert msg.is_bigendian == 0 and msg.encoding == encoding
    decoded = decode_image(msg)
    assert np.array_equal(decoded, rgb)
    if encoding == 'mono8':
        decoded = decode_labels(msg)
        assert np.array_equal(decoded, rgb[..., 0])
    assert np.shares_memory(decoded, np.frombuffer(msg.data, np.uint8))
    assert not decoded.flags.writeable

padded = Image(height=2, width=3, encoding='mono16', is_bigendian=1, step=7)
padded.data.frombytes(bytes([0, 128, 1, 1, 255, 255, 9, 0, 129, 2, 2, 254, 254, 9]))
padded = deserialize_message(serialize_message(padded), Image)
assert decode_image(padded)[..., 2].tolist() == [[0, 1, 255], [1, 2, 254]]

smooth = np.full((16, 24, 3), (200, 30, 60), np.uint8)
sent = fill_compressed_image(CompressedImage(), encode_jpeg(smooth), header=source.header)
msg = deserialize_message(serialize_message(sent), CompressedImage)
assert serialize_message(msg.header) == header_bytes
assert np.abs(decode_compressed_image(msg).astype(int) - smooth).max() <= 3
print('all done')
"""


@pytest.mark.parametrize('checks', ['0', '1'])
def test_works_on_rclpy_messages_with_and_without_field_checks(checks: str) -> None:
    pytest.importorskip('rclpy', reason="rclpy is not installed: pip install '.[ros]'")
    pytest.importorskip('sensor_msgs', reason="sensor_msgs is not installed: pip install '.[ros]'")
    result = subprocess.run(
        [sys.executable, '-c', ROS_SCRIPT, checks],
        env={**os.environ, 'ROS_PYTHON_CHECK_FIELDS': checks},
        cwd=Path(drivseg_ros.__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (result.returncode, result.stdout) == (0, 'all done\n'), result.stderr
