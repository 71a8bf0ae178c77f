# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Newest frame wins, in one batch or in turns, and the ledger that adds up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytest.importorskip('rclpy', reason="rclpy is not installed: pip install '.[ros]'")

import gated_engine
from node_harness import Live, Peer, make_image, make_picture, wait_for
from sensor_msgs.msg import CompressedImage

from drivseg_ros.engines import registry
from drivseg_ros.images.codec import decode_labels
from drivseg_ros.segmenter import Segmenter

MakeLive = Callable[..., Live]


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    gated_engine.reset()
    monkeypatch.setitem(registry.RUNTIMES, 'onnxruntime', gated_engine.RUNTIME)
    yield gated_engine
    gated_engine.OPEN.set()


def stamps(messages: list[Any]) -> list[int]:
    return [m.header.stamp.sec - 1_600_000_000 for m in messages]


def settled(live: Live, camera: int = 0) -> Any:
    """The counts, once no frame waits."""
    wait_for(lambda: live.counts(camera).waiting == 0, 'no frame waits')
    return live.counts(camera)


def three_cameras(
    make_live: MakeLive, peer: Peer, model: Path
) -> tuple[Live, list[list[Any]], list[Any]]:
    """A node of three cameras, their masks, and who sends their images."""
    names = ['front', 'left', 'right']
    topics = [f'/{name}/image' for name in names]
    live = make_live(model=str(model), image_topics=topics).wait_active()
    masks = [peer.listen(f'/{name}/segmentation/mask') for name in names]
    cameras = [peer.camera(topic).wait_subscribed() for topic in topics]
    for index in range(3):
        live.wait_wanted('mask', camera=index)
    return live, masks, cameras


def test_slow_engine_takes_the_newest(
    make_live: MakeLive, peer: Peer, tiny_model: Path, gate: ModuleType
) -> None:
    live = make_live(model=str(tiny_model)).wait_active()
    masks = peer.listen('/segmentation/mask')
    live.wait_wanted('mask')
    camera = peer.camera('/image').wait_subscribed()
    gate.BATCHES.clear()
    gate.OPEN.clear()
    camera.send(make_image(0))
    wait_for(lambda: gate.BATCHES, 'the first frame is in the engine')
    for seed in range(1, 8):
        camera.send(make_image(seed))
        wait_for(lambda: live.counts().offered == seed + 1, 'it arrived')  # noqa: B023
    assert (live.counts().dropped, live.counts().waiting) == (6, 2)
    gate.OPEN.set()
    wait_for(lambda: len(masks) == 2, 'two masks')
    assert stamps(masks) == [0, 7]
    counts = settled(live)
    assert (counts.offered, counts.processed, counts.dropped) == (8, 2, 6)


@pytest.mark.parametrize(('device', 'batches'), [('cuda:0', [1, 3]), ('cpu', [1, 1, 1, 1])])
def test_all_fresh_frames_are_a_batch_where_that_is_a_gain(
    make_live: MakeLive,
    peer: Peer,
    tiny_model: Path,
    gate: ModuleType,
    device: str,
    batches: list[int],
) -> None:
    gate.DEVICES.append(device)
    live, masks, cameras = three_cameras(make_live, peer, tiny_model)
    gate.BATCHES.clear()
    gate.OPEN.clear()
    # The last one, so that a round of turns ends with it.
    cameras[2].send(make_image(0))
    wait_for(lambda: gate.BATCHES == [1], 'the first frame is in the engine')
    # Sizes differ, as those of cameras do.
    sent = [make_picture(i, width=40 + 8 * i, height=40) for i in range(1, 4)]
    for index, (camera, picture) in enumerate(zip(cameras, sent, strict=True)):
        camera.send(make_image(10 + index, picture=picture))
        wait_for(lambda: live.counts(index).waiting, 'it arrived')  # noqa: B023
    wait_for(lambda: live.counts(2).waiting == 2, 'it arrived')
    gate.OPEN.set()
    wait_for(lambda: [len(m) for m in masks] == [1, 1, 2], 'the masks')
    assert batches == gate.BATCHES
    with Segmenter.open(tiny_model) as segmenter:
        for messages, picture in zip(masks, sent, strict=True):
            expected = segmenter.segment([picture])[0].class_ids
            np.testing.assert_array_equal(decode_labels(messages[-1]), expected)


def test_cameras_that_take_turns_give_their_newest_frame(
    make_live: MakeLive, peer: Peer, tiny_model: Path, gate: ModuleType
) -> None:
    live, masks, cameras = three_cameras(make_live, peer, tiny_model)
    gate.BATCHES.clear()
    gate.OPEN.clear()
    cameras[0].send(make_image(0))
    wait_for(lambda: gate.BATCHES == [1], 'the first frame is in the engine')
    for seed in (1, 2):
        cameras[1].send(make_image(seed))
        wait_for(lambda: live.counts(1).offered == seed, 'it arrived')  # noqa: B023
    cameras[0].send(make_image(3))
    wait_for(lambda: live.counts(0).offered == 2, 'it arrived')
    gate.OPEN.set()
    wait_for(lambda: [len(m) for m in masks] == [2, 1, 0], 'the masks')
    assert [stamps(m) for m in masks] == [[0, 3], [2], []]
    assert gate.BATCHES == [1, 1, 1]
    counts = settled(live, 1)
    assert (counts.offered, counts.processed, counts.dropped) == (2, 1, 1)


BROKEN = {
    'encoding': {'encoding': 'rgb7'},
    'step': {'step': 5},
    'truncated': {'data': b'\0' * 100},
    'too_long': {'data': b'\0' * 100_000},
    'empty': {'width': 0, 'height': 0, 'step': 0, 'data': b''},
    'size': {'width': 2**31, 'step': 2**32 - 1},
}


@pytest.mark.parametrize('kind', BROKEN)
def test_broken_frames_cost_only_themselves(
    make_live: MakeLive, peer: Peer, tiny_model: Path, kind: str
) -> None:
    live = make_live(model=str(tiny_model)).wait_active()
    masks = peer.listen('/segmentation/mask')
    live.wait_wanted('mask')
    camera = peer.camera('/image').wait_subscribed()
    for seed in range(4):
        message = make_image(seed)
        if seed % 2 == 0:
            for name, value in BROKEN[kind].items():
                setattr(message, name, value)
        camera.send(message)
        wait_for(lambda: live.counts().offered == seed + 1, 'it arrived')  # noqa: B023
        counts = settled(live)
    assert (counts.processed, counts.failed, counts.dropped) == (2, 2, 0)
    assert counts.failed_by_kind == {kind: 2}
    wait_for(lambda: len(masks) == 2, 'the masks')
    assert stamps(masks) == [1, 3]


def test_corrupt_jpeg(make_live: MakeLive, peer: Peer, tiny_model: Path) -> None:
    live = make_live(model=str(tiny_model), image_transport='compressed').wait_active()
    peer.listen('/segmentation/mask')
    live.wait_wanted('mask')
    camera = peer.camera('/image/compressed', CompressedImage).wait_subscribed()
    for count, data in enumerate((b'', b'\xff\xd8\xff\xe0 no end', b'GIF89a'), start=1):
        camera.send(CompressedImage(format='jpeg', data=data))
        wait_for(lambda: live.counts().failed == count, 'it failed')  # noqa: B023
    assert live.counts().failed_by_kind == {'empty': 1, 'truncated': 1, 'codec': 1}


def test_garbage_of_one_camera_is_not_noticed_by_the_others(
    make_live: MakeLive, peer: Peer, tiny_model: Path
) -> None:
    live, masks, cameras = three_cameras(make_live, peer, tiny_model)
    for seed in range(20):
        for index, camera in enumerate(cameras):
            message = make_image(seed)
            if index == 1 and 5 <= seed < 15:
                message.encoding = 'garbage'
            camera.send(message)
        for index in range(3):
            wait_for(lambda: live.counts(index).offered == seed + 1, 'it arrived')  # noqa: B023
            settled(live, index)
    wait_for(lambda: [len(m) for m in masks] == [20, 10, 20], 'the masks')
    everything = list(range(20))
    assert stamps(masks[0]) == stamps(masks[2]) == everything
    assert stamps(masks[1]) == [*range(5), *range(15, 20)]
    assert live.counts(1).failed_by_kind == {'encoding': 10}
    assert [live.counts(i).failed for i in range(3)] == [0, 10, 0]


@pytest.mark.parametrize(
    'failure', [gated_engine.engine_error(), RuntimeError('nobody foresaw it'), MemoryError()]
)
def test_failing_engine_costs_that_batch(
    make_live: MakeLive, peer: Peer, tiny_model: Path, gate: ModuleType, failure: Exception
) -> None:
    live = make_live(model=str(tiny_model)).wait_active()
    masks = peer.listen('/segmentation/mask')
    live.wait_wanted('mask')
    camera = peer.camera('/image').wait_subscribed()
    gate.FAILURES.append(failure)
    camera.send(make_image(0))
    wait_for(lambda: live.counts().failed == 1, 'the failure is counted')
    assert (str(failure) or 'MemoryError') in live.counts().last_error
    camera.send(make_image(1))
    wait_for(lambda: masks, 'the next mask')
    assert stamps(masks) == [1]
    assert settled(live).failed_by_kind == {'engine': 1}


@pytest.mark.parametrize('method', ['publish_mask', 'publish_pictures'])
def test_failing_publisher_costs_that_frame(
    make_live: MakeLive,
    peer: Peer,
    tiny_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
) -> None:
    live = make_live(model=str(tiny_model)).wait_active()
    masks = peer.listen('/segmentation/mask')
    live.wait_wanted('mask')
    camera = peer.camera('/image').wait_subscribed()

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError('no paper')

    with monkeypatch.context() as patch:
        patch.setattr(live.node.cameras[0].publishers, method, fail)
        camera.send(make_image(0))
        wait_for(lambda: live.counts().failed == 1, 'the failure is counted')
    camera.send(make_image(1))
    wait_for(lambda: stamps(masks)[-1:] == [1], 'the next mask')
    assert settled(live).failed_by_kind == {'publish': 1}


def test_rate_limit_drops_the_older(make_live: MakeLive, peer: Peer, tiny_model: Path) -> None:
    # So low that the second frame would come after the end of all patience.
    live = make_live(model=str(tiny_model), max_rate_hz=0.001).wait_active()
    masks = peer.listen('/segmentation/mask')
    live.wait_wanted('mask')
    camera = peer.camera('/image').wait_subscribed()
    for seed in range(4):
        camera.send(make_image(seed))
        wait_for(lambda: live.counts().offered == seed + 1, 'it arrived')  # noqa: B023
        if seed == 0:
            wait_for(lambda: masks, 'the first mask')
    counts = live.counts()
    assert (counts.processed, counts.dropped, counts.waiting) == (1, 2, 1)
    (result,) = peer.set(max_rate_hz=0)  # an integer, as `ros2 param set` makes of "0"
    assert result.successful, result.reason
    wait_for(lambda: len(masks) == 2, 'no limit any more')
    assert stamps(masks) == [0, 3]


def test_worker_survives_its_own_faults(
    make_live: MakeLive, peer: Peer, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = make_live(model=str(tiny_model)).wait_active()
    masks = peer.listen('/segmentation/mask')
    live.wait_wanted('mask')
    camera = peer.camera('/image').wait_subscribed()
    failed: list[object] = []

    def fail(**arguments: object) -> None:
        failed.append(arguments)
        raise RuntimeError('a slip of the pen')

    with monkeypatch.context() as patch:
        patch.setattr(live.node.cameras[0].monitor, 'processed', fail)
        camera.send(make_image(0))
        wait_for(lambda: failed, 'the fault')
    camera.send(make_image(1))
    wait_for(lambda: stamps(masks) == [0, 1], 'the next mask')
