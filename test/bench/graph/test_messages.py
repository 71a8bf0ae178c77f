# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is sent is what was asked for, and its hash names it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from color_bag import color_image, write_color_bag

from drivseg_ros.base.json_data import from_plain, to_plain
from drivseg_ros.bench.graph.messages import InputChoice, make_messages
from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.images.codec import decode_compressed_image, decode_image

pytest.importorskip('rclpy', reason="rclpy is not installed: pip install '.[ros]'")


def choice(**changes: Any) -> InputChoice:
    return InputChoice(**{'width': 128, 'height': 96, 'frames': 3, **changes})


@pytest.mark.parametrize('kind', ['bag', 'folder'])
def test_of_pictures(tmp_path: Path, kind: str) -> None:
    images = [color_image(number) for number in range(3)]
    data = tmp_path / kind
    if kind == 'bag':
        write_color_bag(data, frames=3)
    else:
        data.mkdir()
        for number, image in enumerate(images):
            cv2.imwrite(str(data / f'{number}.png'), image[..., ::-1])
    topic = '/cam/image_raw' if kind == 'bag' else None
    made = make_messages(choice(data=data, image_topic=topic))
    digest = hashlib.sha256()
    for message, image in zip(made.messages, images, strict=True):
        assert message.encoding == 'bgr8'
        np.testing.assert_array_equal(decode_image(message), image)
        digest.update(b'128x96 bgr8\n' + np.ascontiguousarray(image[..., ::-1]).tobytes())
    assert made.sha256 == digest.hexdigest()
    assert made.mean_bytes == 128 * 96 * 3
    assert str(tmp_path) not in made.description
    small = make_messages(choice(data=data, image_topic=topic, width=64, height=48))
    assert decode_image(small.messages[0]).shape == (48, 64, 3)
    assert small.sha256 != made.sha256


def test_of_rendered_streets() -> None:
    raw = make_messages(choice())
    again = make_messages(choice())
    jpeg = make_messages(choice(transport='compressed'))
    assert raw.sha256 == again.sha256 != jpeg.sha256
    assert len({bytes(message.data) for message in raw.messages}) == 3
    assert jpeg.mean_bytes < raw.mean_bytes
    for one, other in zip(raw.messages, jpeg.messages, strict=True):
        difference = cv2.absdiff(decode_image(one), decode_compressed_image(other))
        assert difference.mean() < 6


def test_nothing_can_be_read(tmp_path: Path) -> None:
    (tmp_path / 'a.png').write_text('no picture')
    with pytest.raises(DataError, match=r'no picture of .* can be read: a: picture .*a\.png'):
        make_messages(choice(data=tmp_path))


@pytest.mark.parametrize('data', [None, Path('drive')])
def test_as_plain_data(data: Path | None) -> None:
    made = choice(data=data, transport='compressed')
    assert from_plain(InputChoice, json.loads(json.dumps(to_plain(made))), 'it') == made


def test_refusals() -> None:
    with pytest.raises(ParameterError, match="transport 'rtp'"):
        choice(transport='rtp')
    with pytest.raises(ParameterError, match='0 frames'):
        choice(frames=0)
