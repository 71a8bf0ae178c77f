# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Outputs stand beside their input."""

from __future__ import annotations

import pytest

from drivseg_ros.base.topics import output_topic, raw_topic
from drivseg_ros.errors import ParameterError


@pytest.mark.parametrize(
    ('image_topic', 'expected'),
    [
        ('/cam/front/image_raw', '/cam/front/segmentation/mask'),
        ('image', 'segmentation/mask'),
        ('/image', '/segmentation/mask'),
        ('front/image', 'front/segmentation/mask'),
    ],
)
def test_output_topic(image_topic: str, expected: str) -> None:
    assert output_topic(image_topic, 'mask') == expected


@pytest.mark.parametrize('image_topic', ['', '/', '/cam/'])
def test_no_topic(image_topic: str) -> None:
    with pytest.raises(ParameterError, match='is no image topic'):
        output_topic(image_topic, 'mask')


def test_raw_topic() -> None:
    assert raw_topic('/cam/image_raw/compressed') == '/cam/image_raw'
    assert raw_topic('/cam/image_raw') == '/cam/image_raw'
