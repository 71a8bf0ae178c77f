# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The yardstick gives the masks that our node gives, so that the comparison is one of speed."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
from tiny_model import write_tiny_model

from drivseg_ros.images.codec import decode_image, decode_labels, encode_jpeg, fill_image
from drivseg_ros.images.overlay import draw_overlay
from drivseg_ros.model.store import DEFAULT_MODEL, find_model
from drivseg_ros.scenes.drive import random_frame
from drivseg_ros.segmenter import Segmenter

pytest.importorskip('rclpy', reason="rclpy is not installed: pip install '.[ros]'")

SCRIPT = Path(__file__).resolve().parents[3] / 'docs' / 'textbook_node.py'


@pytest.fixture(scope='module')
def textbook() -> ModuleType:
    spec = importlib.util.spec_from_file_location('textbook_node', SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize('size', [(640, 360), (1280, 720), (100, 80)])
@pytest.mark.parametrize('default', [True, False])
def test_masks_are_ours(
    textbook: ModuleType, tmp_path: Path, size: tuple[int, int], default: bool
) -> None:
    model = find_model(DEFAULT_MODEL).path if default else write_tiny_model(tmp_path / 'tiny.onnx')
    image = cv2.resize(random_frame(3, 640, 360).image, size)
    with Segmenter.open(model, engine='onnxruntime', device='cpu', threads=1) as segmenter:
        (expected,) = segmenter.segment([image])
    network = textbook.Network(str(model), 1)
    mask = network.segment(image)
    np.testing.assert_array_equal(mask, expected.class_ids)
    assert len(np.unique(mask)) > 1
    difference = cv2.absdiff(network.overlay(image, mask), draw_overlay(image, expected))
    assert difference.max() <= 1


@pytest.mark.parametrize('encoding', ['rgb8', 'bgr8'])
def test_messages(textbook: ModuleType, encoding: str) -> None:
    from sensor_msgs.msg import Image

    picture = random_frame(3, 64, 48).image
    message = fill_image(Image(), picture, encoding=encoding)
    np.testing.assert_array_equal(textbook.from_image(message), decode_image(message))
    message.header.frame_id = 'front'
    ids = picture[..., 0] % 3
    mask = textbook.to_image(ids, 'mono8', message.header)
    np.testing.assert_array_equal(decode_labels(mask), ids)
    assert mask.header == message.header
    message.encoding = 'yuv422'
    with pytest.raises(ValueError, match='yuv422'):
        textbook.from_image(message)


def test_jpeg(textbook: ModuleType) -> None:
    from sensor_msgs.msg import CompressedImage

    from drivseg_ros.images.codec import decode_compressed_image

    message = CompressedImage()
    message.data.frombytes(encode_jpeg(random_frame(3, 64, 48).image))
    message.format = 'jpeg'
    np.testing.assert_array_equal(textbook.from_jpeg(message), decode_compressed_image(message))
