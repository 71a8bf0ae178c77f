# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Encodings that are none of ours go to cv_bridge, where it is installed.

cv_bridge is not on the package index. Where it is missing, its own Python source is used if
DRIVSEG_CV_BRIDGE names a checkout's `cv_bridge/python`, with its compiled part written anew here.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
from rosbags.typesys import Stores, get_typestore

from drivseg_ros.errors import ImageError
from drivseg_ros.images.codec import decode_image
from drivseg_ros.images.cv_bridge_encodings import find_cv_bridge

Image = get_typestore(Stores.ROS2_JAZZY).types['sensor_msgs/msg/Image']
WIDE = np.random.default_rng(1).integers(0, 65536, (12, 16, 3)).astype('<u2')


def message(pixels: np.ndarray, encoding: str, **changes: Any) -> Any:
    height, width = pixels.shape[:2]
    fields = {
        'header': None,
        'height': height,
        'width': width,
        'encoding': encoding,
        'is_bigendian': 0,
        'step': pixels.strides[0],
        'data': np.frombuffer(pixels.tobytes(), np.uint8),
    }
    return Image(**{**fields, **changes})


def eighths(values: np.ndarray) -> np.ndarray:
    return np.rint(values / 257).astype(np.uint8)


def compiled_part() -> ModuleType:
    """What core.py asks of cv_bridge's C++."""

    def get_type(encoding: str) -> int:
        if re.fullmatch('(rgb|bgr)16', encoding):
            return cv2.CV_16UC3
        if re.fullmatch('bayer_[rgb]{4}16', encoding):
            return cv2.CV_16UC1
        raise RuntimeError(f'Unrecognized image encoding [{encoding}]')

    def convert(image: np.ndarray, source: str, wanted: str) -> np.ndarray:
        assert wanted == 'rgb8'
        rgb = image
        if source == 'bgr16':
            rgb = image[..., ::-1]
        elif source == 'bayer_rggb16':
            rgb = cv2.cvtColor(image, cv2.COLOR_BayerBG2RGB)
        return cv2.convertScaleAbs(np.ascontiguousarray(rgb), alpha=255 / 65535)

    module = ModuleType('cv_bridge.boost.cv_bridge_boost')
    module.getCvType, module.cvtColor2 = get_type, convert  # type: ignore[attr-defined]
    module.CV_MAT_CNWrap = lambda kind: (kind >> 3) + 1  # type: ignore[attr-defined]
    module.CV_MAT_DEPTHWrap = lambda kind: kind & 7  # type: ignore[attr-defined]
    module.cvtColorForDisplay = None  # type: ignore[attr-defined]
    return module


@pytest.fixture
def cv_bridge(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The real one, or its real Python source over the compiled part above."""
    find_cv_bridge.cache_clear()
    if find_cv_bridge() is None:
        source = os.environ.get('DRIVSEG_CV_BRIDGE')
        if not source:
            pytest.skip('cv_bridge is not installed, and DRIVSEG_CV_BRIDGE names no source of it')
        monkeypatch.syspath_prepend(source)
        for name in [n for n in sys.modules if n.partition('.')[0] == 'cv_bridge']:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, 'cv_bridge.boost', ModuleType('cv_bridge.boost'))
        monkeypatch.setitem(sys.modules, 'cv_bridge.boost.cv_bridge_boost', compiled_part())
        importlib.invalidate_caches()
        find_cv_bridge.cache_clear()
        assert find_cv_bridge() is not None
    yield
    find_cv_bridge.cache_clear()


@pytest.mark.usefixtures('cv_bridge')
def test_sixteen_bits_a_channel() -> None:
    np.testing.assert_array_equal(decode_image(message(WIDE, 'rgb16')), eighths(WIDE))
    np.testing.assert_array_equal(decode_image(message(WIDE, 'bgr16')), eighths(WIDE[..., ::-1]))
    padded = np.ascontiguousarray(np.pad(WIDE, ((0, 0), (0, 4), (0, 0))))
    found = decode_image(message(padded, 'rgb16', width=16))
    np.testing.assert_array_equal(found, eighths(WIDE))


@pytest.mark.usefixtures('cv_bridge')
def test_a_mosaic_of_sixteen_bits() -> None:
    mosaic = np.full((12, 16), 120 * 257, '<u2')
    mosaic[0::2, 0::2], mosaic[1::2, 1::2] = 150 * 257, 90 * 257
    found = decode_image(message(mosaic, 'bayer_rggb16'))
    assert (found[2:-2, 2:-2] == [150, 120, 90]).all()


@pytest.mark.usefixtures('cv_bridge')
@pytest.mark.parametrize(
    ('changes', 'kind', 'text'),
    [
        ({'encoding': 'no_such_encoding'}, 'encoding', 'cannot be shown.*cv_bridge: Unrecognized'),
        ({'data': np.zeros(10, np.uint8)}, 'encoding', 'cannot be shown.*cv_bridge: '),
        ({'step': 60}, 'encoding', r'cv_bridge makes of it uint8 of shape \(12, 10, 3\).*16 x 12'),
        ({'width': 0}, 'empty', '0 x 12 pixels is empty'),
        ({'width': 16384, 'height': 16000}, 'size', 'too large'),
        ({'width': None}, 'message', "the field 'width' is None"),
    ],
)
def test_what_it_refuses_is_refused(changes: dict[str, Any], kind: str, text: str) -> None:
    with pytest.raises(ImageError, match=text) as caught:
        decode_image(message(WIDE, **{'encoding': 'rgb16', **changes}))
    assert caught.value.kind == kind


@pytest.mark.parametrize('encoding', ['32FC1', '16UC1', '8UC' + '1' * 1_000_000, 'A' * 100, ''])
def test_some_names_are_not_given_to_its_regular_expression(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first is depth; std::regex ends the process of whoever gives it a long one."""

    class Bridge:
        def imgmsg_to_cv2(self, *_: object) -> None:
            pytest.fail('it was asked')

    package, compiled = ModuleType('cv_bridge'), ModuleType('cv_bridge.boost.cv_bridge_boost')
    package.CvBridge = Bridge  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, 'cv_bridge', package)
    monkeypatch.setitem(sys.modules, compiled.__name__, compiled)
    find_cv_bridge.cache_clear()
    try:
        assert isinstance(find_cv_bridge(), Bridge)
        with pytest.raises(ImageError, match='cannot be shown as a picture') as caught:
            decode_image(message(WIDE, encoding))
    finally:
        find_cv_bridge.cache_clear()
    assert caught.value.kind == 'encoding'


@pytest.mark.parametrize('missing', ['cv_bridge', 'cv_bridge.boost.cv_bridge_boost'])
def test_without_it_the_usual_sentence(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    find_cv_bridge.cache_clear()
    try:
        with pytest.raises(ImageError, match=r"'rgb16' cannot be shown as a picture; allowed are"):
            decode_image(message(WIDE, 'rgb16'))
    finally:
        find_cv_bridge.cache_clear()
