# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Images that would cost a decoder dearly, and damaged ones, through the real node."""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('rclpy', reason="rclpy is not installed: pip install '.[ros]'")

from lifecycle_msgs.msg import Transition
from node_harness import PATIENCE_S, Live, Peer, make_image, wait_for
from sensor_msgs.msg import CompressedImage

from drivseg_ros.images.codec import encode_jpeg
from drivseg_ros.images.jpeg_library import find_simplejpeg

MakeLive = Callable[..., Live]

PICTURE = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
JPEG = encode_jpeg(PICTURE)


def compressed(file: bytes) -> CompressedImage:
    return CompressedImage(format='jpeg', data=file)


def bomb() -> bytes:
    """A few hundred bytes that claim 256 million pixels, which take minutes and 6 GB."""
    file = bytearray(encode_jpeg(np.full((64, 64, 3), 128, np.uint8)))
    struct.pack_into('>HH', file, file.find(b'\xff\xc0') + 5, 15625, 16384)
    return bytes(file)


def test_a_bomb_costs_its_camera_one_frame_and_the_other_none(
    make_live: MakeLive, peer: Peer, tiny_model: Path
) -> None:
    topics = ['/a/image', '/b/image']
    live = make_live(model=str(tiny_model), image_topics=topics, image_transport='compressed')
    live.wait_active()
    masks = [peer.listen(f'/{name}/segmentation/mask') for name in 'ab']
    for index in range(2):
        live.wait_wanted('mask', camera=index)
    cameras = [peer.camera(f'{t}/compressed', CompressedImage).wait_subscribed() for t in topics]
    cameras[1].send(compressed(bomb()))
    cameras[0].send(compressed(JPEG))
    wait_for(lambda: masks[0], 'a mask of the other camera')
    wait_for(lambda: live.counts(1).failed, 'the bomb failed')
    cameras[1].send(compressed(JPEG))
    wait_for(lambda: masks[1], 'the next mask of the same camera')
    assert live.counts(1).failed_by_kind == {'size': 1}
    assert 'is too large' in live.counts(1).last_error


@pytest.mark.parametrize('transport', ['raw', 'compressed'])
def test_max_pixels_may_be_changed_at_any_time(
    make_live: MakeLive, peer: Peer, tiny_model: Path, transport: str
) -> None:
    live = make_live(model=str(tiny_model), image_transport=transport, max_pixels=2399)
    live.wait_active()
    masks = peer.listen('/segmentation/mask')
    live.wait_wanted('mask')
    if transport == 'raw':
        camera, message = peer.camera('/image').wait_subscribed(), make_image(1, picture=PICTURE)
    else:
        camera = peer.camera('/image/compressed', CompressedImage).wait_subscribed()
        message = compressed(JPEG)
    camera.send(message)
    wait_for(lambda: live.counts().failed, 'it failed')
    assert live.counts().failed_by_kind == {'size': 1}
    (result,) = peer.set(max_pixels=2400)
    assert result.successful, result.reason
    camera.send(message)
    wait_for(lambda: masks, 'the mask')


@pytest.mark.skipif(find_simplejpeg() is None, reason='simplejpeg is not installed')
def test_a_jpeg_damaged_inside_costs_that_frame_and_is_counted(
    make_live: MakeLive, peer: Peer, tiny_model: Path
) -> None:
    live = make_live(model=str(tiny_model), image_transport='compressed').wait_active()
    masks = peer.listen('/segmentation/mask')
    live.wait_wanted('mask')
    camera = peer.camera('/image/compressed', CompressedImage).wait_subscribed()
    camera.send(compressed(JPEG[: len(JPEG) // 2] + JPEG[-2:]))
    wait_for(lambda: live.counts().failed, 'it failed')
    assert live.counts().failed_by_kind == {'jpeg': 1}
    assert 'premature end of data segment' in live.counts().last_error
    camera.send(compressed(JPEG))
    wait_for(lambda: len(masks) == 1, 'the mask of the next')


def test_a_picture_that_takes_long_to_decode_keeps_no_other_camera_waiting(
    make_live: MakeLive, peer: Peer, tiny_model: Path
) -> None:
    topics = ['/a/image', '/b/image']
    live = make_live(model=str(tiny_model), image_topics=topics, image_transport='compressed')
    live.wait_active()
    masks = [peer.listen(f'/{name}/segmentation/mask') for name in 'ab']
    for index in range(2):
        live.wait_wanted('mask', camera=index)
    a, b = (peer.camera(f'{t}/compressed', CompressedImage).wait_subscribed() for t in topics)
    large = compressed(encode_jpeg(np.full((2100, 2000, 3), 99, np.uint8)))
    slow = live.node.cameras[0]
    decode, begun, released = slow._decode, threading.Semaphore(0), threading.Semaphore(0)

    def take_long(message: CompressedImage, *, max_pixels: int) -> np.ndarray:
        image = decode(message, max_pixels=max_pixels)
        begun.release()
        assert released.acquire(timeout=PATIENCE_S)
        return image

    slow._decode = take_long
    a.send(large)
    assert begun.acquire(timeout=PATIENCE_S)
    for count in (1, 2, 3):
        b.send(compressed(JPEG))
        wait_for(lambda n=count: len(masks[1]) == n, 'a mask of the other camera')
    assert not masks[0]
    released.release()
    wait_for(lambda: masks[0], 'the mask of the large picture')
    assert (masks[0][0].width, masks[0][0].height) == (2000, 2100)

    # What is being decoded when the node is deactivated is dropped, and never published.
    a.send(large)
    assert begun.acquire(timeout=PATIENCE_S)
    assert peer.change_state(Transition.TRANSITION_DEACTIVATE)
    assert live.counts().dropped == 1
    assert peer.change_state(Transition.TRANSITION_ACTIVATE)
    released.release()
    b.wait_subscribed().send(compressed(JPEG))
    wait_for(lambda: len(masks[1]) == 4, 'a mask after the pause')
    assert len(masks[0]) == 1


def test_a_large_picture_that_is_damaged_fails(
    make_live: MakeLive, peer: Peer, tiny_model: Path
) -> None:
    live = make_live(model=str(tiny_model)).wait_active()
    peer.listen('/segmentation/mask')
    live.wait_wanted('mask')
    message = make_image(0, picture=np.zeros((2100, 2000, 3), np.uint8))
    message.data = message.data[:-1]
    peer.camera('/image').wait_subscribed().send(message)
    wait_for(lambda: live.counts().failed, 'it failed')
    assert live.counts().failed_by_kind == {'truncated': 1}
