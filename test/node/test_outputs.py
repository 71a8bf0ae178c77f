# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the node publishes for a frame, and what it does not compute."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip('rclpy', reason="rclpy is not installed: pip install '.[ros]'")

from node_harness import BEST_EFFORT, Live, Peer, make_image, make_picture, wait_for
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage
from tiny_model import write_tiny_model

from drivseg_ros.images.codec import decode_compressed_image, decode_image, decode_labels
from drivseg_ros.images.overlay import draw_overlay
from drivseg_ros.model.card import BDD100K_CLASSES
from drivseg_ros.segmenter import Segmenter

MakeLive = Callable[..., Live]


def test_mask_is_the_segmenters_with_the_inputs_header(
    make_live: MakeLive, peer: Peer, tiny_model: Path
) -> None:
    live = make_live(model=str(tiny_model), image_topics=['/cam/front/image_raw']).wait_active()
    masks = peer.listen('/cam/front/segmentation/mask')
    live.wait_wanted('mask')
    camera = peer.camera('/cam/front/image_raw').wait_subscribed()
    with Segmenter.open(tiny_model) as segmenter:
        for seed, encoding in enumerate(['rgb8', 'bgr8', 'rgb8']):
            sent = camera.send(make_image(seed, encoding=encoding))
            wait_for(lambda: len(masks) > seed, 'the mask')  # noqa: B023 (called at once)
            mask = masks[seed]
            assert serialize_message(mask.header) == serialize_message(sent.header)
            assert (mask.encoding, mask.is_bigendian, mask.step) == ('mono8', 0, mask.width)
            expected = segmenter.segment([make_picture(seed)])[0].class_ids
            np.testing.assert_array_equal(decode_labels(mask), expected)


def test_every_output(make_live: MakeLive, peer: Peer, tmp_path: Path) -> None:
    # As large as the picture, so that colours by class are those of the picture's own pixels.
    model = write_tiny_model(tmp_path / 'm.onnx', width=60, height=40)
    live = make_live(model=str(model), overlay_transport='both', overlay_alpha=0.25)
    live.wait_active()
    images = {
        name: peer.listen(f'/segmentation/{name}')
        for name in ('mask', 'overlay', 'mask_color', 'confidence')
    }
    jpegs = peer.listen('/segmentation/overlay/compressed', CompressedImage)
    live.wait_wanted(*images, 'overlay/compressed')
    camera = peer.camera('/image').wait_subscribed()
    picture = make_picture(3)
    sent = camera.send(make_image(3))
    outputs = {name: wait_for(lambda m=m: m and m[0], name) for name, m in images.items()}
    jpeg = wait_for(lambda: jpegs and jpegs[0], 'overlay/compressed')
    for message in (*outputs.values(), jpeg):
        assert serialize_message(message.header) == serialize_message(sent.header)
    class_ids = picture.argmax(axis=2)
    np.testing.assert_array_equal(decode_labels(outputs['mask']), class_ids)
    np.testing.assert_array_equal(decode_labels(outputs['confidence']), picture.max(axis=2))
    palette = np.array([c.color for c in BDD100K_CLASSES], np.uint8)
    np.testing.assert_array_equal(decode_image(outputs['mask_color']), palette[class_ids])
    with Segmenter.open(model) as segmenter:
        overlay = draw_overlay(picture, segmenter.segment([picture])[0], alpha=0.25)
    np.testing.assert_array_equal(decode_image(outputs['overlay']), overlay)
    np.testing.assert_allclose(
        decode_compressed_image(jpeg).astype(float).mean((0, 1)), overlay.mean((0, 1)), atol=3
    )


def test_nothing_is_done_when_nobody_subscribes(
    make_live: MakeLive, peer: Peer, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[bool] = []
    segment = Segmenter.segment

    def spy(self: Segmenter, images: list[np.ndarray], *, confidence: bool, **more: Any) -> object:
        calls.append(confidence)
        return segment(self, images, confidence=confidence, **more)

    live = make_live(model=str(tiny_model), min_road_confidence=0.0).wait_active()
    monkeypatch.setattr(Segmenter, 'segment', spy)
    camera = peer.camera('/image').wait_subscribed()
    broken = make_image(0)
    broken.encoding = 'nonsense'  # nobody looks into it
    camera.send(broken)
    wait_for(lambda: live.counts().skipped == 1, 'the frame is skipped')
    assert not calls
    masks = peer.listen('/segmentation/mask', qos=BEST_EFFORT)
    live.wait_wanted('mask')
    camera.send(make_image(1))
    wait_for(lambda: masks, 'the mask')
    assert calls == [False]
    peer.listen('/segmentation/confidence')
    live.wait_wanted('confidence')
    camera.send(make_image(2))
    wait_for(lambda: len(masks) == 2, 'the mask')
    assert calls == [False, True]
    counts = live.counts()
    assert (counts.offered, counts.skipped, counts.processed) == (3, 1, 2)


def test_only_offered_outputs_are_there(make_live: MakeLive, peer: Peer, tiny_model: Path) -> None:
    make_live(
        model=str(tiny_model), outputs=['mask', 'overlay'], overlay_transport='compressed'
    ).wait_active()
    peer.listen('/segmentation/mask')
    names = {name for name, _ in peer.node.get_topic_names_and_types()}
    offered = {n for n in names if n.startswith('/segmentation/') and 'transition' not in n}
    assert offered == {'/segmentation/mask', '/segmentation/overlay/compressed'}


def test_model_without_confidence(make_live: MakeLive, peer: Peer, tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / 'm.onnx', confidence=False)
    live = make_live(model=str(model)).wait_active()
    confidences = peer.listen('/segmentation/confidence')
    camera = peer.camera('/image').wait_subscribed()
    live.wait_wanted('confidence')
    camera.send(make_image(0))
    wait_for(lambda: live.counts().skipped == 1, 'the frame is skipped')
    masks = peer.listen('/segmentation/mask')
    live.wait_wanted('mask')
    camera.send(make_image(1))
    wait_for(lambda: masks, 'the mask')
    assert not confidences
    assert live.counts().failed == 0


@pytest.mark.parametrize('extension', ['.jpg', '.png'])
def test_compressed_input(
    make_live: MakeLive, peer: Peer, tiny_model: Path, extension: str
) -> None:
    live = make_live(
        model=str(tiny_model), image_topics=['/cam/image'], image_transport='compressed'
    ).wait_active()
    masks = peer.listen('/cam/segmentation/mask')
    live.wait_wanted('mask')
    camera = peer.camera('/cam/image/compressed', CompressedImage).wait_subscribed()
    data = cv2.imencode(extension, make_picture(5)[..., ::-1])[1].tobytes()
    sent = CompressedImage(format=f'rgb8; {extension[1:]} compressed bgr8')
    sent.data.frombytes(data)
    sent.header = make_image(5).header
    camera.send(sent)
    mask = wait_for(lambda: masks and masks[0], 'the mask')
    assert serialize_message(mask.header) == serialize_message(sent.header)
    with Segmenter.open(tiny_model) as segmenter:
        expected = segmenter.segment([decode_compressed_image(sent)])[0].class_ids
    np.testing.assert_array_equal(decode_labels(mask), expected)


def test_remapped_default_input(make_live: MakeLive, peer: Peer, tiny_model: Path) -> None:
    live = make_live(
        model=str(tiny_model),
        node={
            'cli_args': ['--ros-args', '-r', 'image:=/car/rear/image_rect', '-r', '__ns:=/robot']
        },
    ).wait_active()
    masks = peer.listen('/car/rear/segmentation/mask')
    live.wait_wanted('mask')
    peer.camera('/car/rear/image_rect').wait_subscribed().send(make_image(1))
    wait_for(lambda: masks, 'the mask')
