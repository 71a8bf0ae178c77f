# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Images in files come out as they were put in."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from drivseg_ros.errors import DataError
from drivseg_ros.images.files import find_images, read_image


def test_images_are_rgb_and_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    inner = tmp_path / 'images'
    inner.mkdir()
    for name in ('frame10.png', 'frame2.png', 'notes.txt'):
        cv2.imwrite(str(inner / name.replace('txt', 'png')), np.full((4, 6, 3), (30, 20, 10)))
    (inner / 'notes.png').rename(inner / 'notes.txt')
    found = find_images(tmp_path)
    assert [p.name for p in found] == ['frame2.png', 'frame10.png']
    np.testing.assert_array_equal(read_image(found[0]), np.full((4, 6, 3), (10, 20, 30)))


@pytest.mark.parametrize(
    ('data', 'reason'),
    [
        (b'', 'it is empty'),
        (b'GIF89a', 'it is none of JPEG, PNG, WebP'),
        (b'\xff\xd8\xff\xe0', 'it ends too early'),
        (
            b'\x89PNG\r\n\x1a\n' + bytes(8) + b'\x00\x00\x00\x01' * 2 + b'IEND\xaeB`\x82',
            'damaged PNG',
        ),
    ],
)
def test_a_file_is_not_spoken_of_as_a_message(tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / 'a.png').write_bytes(data)
    with pytest.raises(DataError, match=f"a.png' cannot be used: .*{reason}") as caught:
        read_image(tmp_path / 'a.png')
    assert 'driver' not in str(caught.value)
