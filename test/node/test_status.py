# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The topic status: whether a mask may be trusted, stamped like its frame."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip('rclpy', reason="rclpy is not installed: pip install '.[ros]'")

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.msg import Transition
from node_harness import Live, Peer, keys, make_image, make_picture, wait_for
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image

from drivseg_ros.images.codec import decode_labels

MakeLive = Callable[..., Live]
OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR
LONG_S = 3600.0
BLACK = np.zeros((40, 60, 3), np.uint8)
N = 3


class Watched:
    """A live node with one camera, its masks and its statuses."""

    def __init__(self, make_live: MakeLive, peer: Peer, model: Path, **parameters: Any) -> None:
        given = {
            'stale_after_s': LONG_S,
            'status_frames': N,
            'diagnostics_period_s': LONG_S,
            'min_road_confidence': 0.0,  # the tiny network's is a colour
        }
        self.peer = peer
        self.live = make_live(model=str(model), **{**given, **parameters}).wait_active()
        self.masks = peer.listen('/segmentation/mask')
        self.statuses: list[DiagnosticArray] = peer.listen('/segmentation/status', DiagnosticArray)
        self.live.wait_wanted('mask', 'status')
        self.camera = peer.camera('/image').wait_subscribed()
        self.seed = 0

    def send(self, picture: np.ndarray | None = None, **fields: Any) -> DiagnosticStatus:
        """Sends a frame and returns the status of the same header."""
        self.seed += 1
        image = make_image(self.seed, picture=picture)
        for name, value in fields.items():
            setattr(image, name, value)
        header = serialize_message(image.header)
        self.camera.send(image)
        return wait_for(
            lambda: next(
                (s.status[0] for s in self.statuses if serialize_message(s.header) == header), None
            ),
            'the status of the frame',
        )

    def mask_of(self, seed: int) -> Image:
        stamp = make_image(seed).header.stamp
        return wait_for(
            lambda: next((m for m in self.masks if m.header.stamp == stamp), None), 'the mask'
        )


@pytest.fixture
def watch(make_live: MakeLive, peer: Peer, tiny_model: Path) -> Callable[..., Watched]:
    return lambda **parameters: Watched(make_live, peer, tiny_model, **parameters)


def test_black_frames_and_light_again(watch: Callable[..., Watched]) -> None:
    watched = watch()
    status = watched.send()
    assert (status.level, status.message, status.hardware_id) == (OK, 'ok', '/image')
    assert status.name == 'segmentation: camera /image'
    values = keys(status)
    assert (values['trust'], values['causes'], values['outputs']) == ('ok', 'none', 'publish')
    assert float(values['share of dark pixels']) < 0.5
    assert values['confidence on the road'] == 'none'  # not computed
    assert float(values['inference (ms)']) > 0
    levels = [watched.send(BLACK).level for _ in range(N)]
    assert levels == [OK] * (N - 1) + [ERROR]
    status = watched.send(BLACK)
    assert status.message == 'untrusted: dark'
    assert keys(status)['share of dark pixels'] == '1.000'
    assert [watched.send().level for _ in range(N)] == [ERROR] * (N - 1) + [OK]
    assert watched.live.counts().processed == 2 * N + 2


def test_same_pixels_with_new_stamps_are_frozen(watch: Callable[..., Watched]) -> None:
    watched = watch()
    picture = make_picture(99)
    messages = [watched.send(picture).message for _ in range(N)]
    assert messages == ['ok'] * (N - 1) + ['untrusted: frozen']
    assert watched.peer.set(status_frozen=False)[0].successful
    assert [watched.send(picture).message for _ in range(N)] == ['ok'] * N


def test_low_confidence(watch: Callable[..., Watched]) -> None:
    watched = watch(min_road_confidence=0.45)
    pale = make_picture(1) // 4 + 30
    statuses = [watched.send(np.roll(pale, i, axis=1)) for i in range(N)]
    assert statuses[-1].message == 'degraded: low confidence on the road'
    assert 0.1 < float(keys(statuses[-1])['confidence on the road']) < 0.45


def test_unknown_in_every_pixel(watch: Callable[..., Watched]) -> None:
    watched = watch(on_untrusted='unknown')
    for _ in range(N):
        watched.send(BLACK)
    assert keys(watched.send(BLACK))['outputs'] == 'unknown'
    good, bad = (decode_labels(watched.mask_of(seed)) for seed in (1, N))
    assert good.max() < 3
    np.testing.assert_array_equal(bad, np.full((40, 60), 255, np.uint8))


def test_pixels_of_low_confidence_are_unknown(watch: Callable[..., Watched]) -> None:
    watched = watch(min_confidence=0.5)
    watched.send()
    mask = decode_labels(watched.mask_of(1))
    # The tiny network's confidence is the colour that wins; at edges it is blended.
    picture = make_picture(1).max(axis=2)[2::4, 2::4]
    unknown = mask[2::4, 2::4] == 255
    assert unknown[picture < 100].all()
    assert not unknown[picture > 155].any()
    assert 0 < unknown.mean() < 1
    assert watched.peer.set(min_confidence=0.0)[0].successful
    watched.send()
    assert decode_labels(watched.mask_of(2)).max() < 3


def test_smoothing_holds_a_class_for_a_moment(watch: Callable[..., Watched]) -> None:
    watched = watch(temporal='smooth')
    red, blue = (np.zeros((40, 60, 3), np.uint8) for _ in range(2))
    red[..., 0], blue[..., 2] = 200, 200

    def send(picture: np.ndarray, number: int) -> int:
        header = make_image(0).header
        header.stamp.sec, header.stamp.nanosec = 10**9 + number // 30, number % 30 * 33_000_000
        watched.send(picture, header=header)
        mask = wait_for(
            lambda: next((m for m in watched.masks if m.header.stamp == header.stamp), None), 'mask'
        )
        (found,) = np.unique(decode_labels(mask))
        return int(found)

    assert {send(red, number) for number in range(8)} == {0}
    found = [send(blue, number) for number in range(8, 16)]
    assert found[0] == 0
    assert found[-1] == 2
    assert watched.peer.set(temporal='none')[0].successful
    assert send(red, 16) == 0


def test_silent_gives_the_status_alone(watch: Callable[..., Watched]) -> None:
    watched = watch()
    assert watched.peer.set(on_untrusted='silent')[0].successful
    for _ in range(N):
        status = watched.send(BLACK)
    assert keys(status)['outputs'] == 'silent'
    for _ in range(N):
        watched.send()
    watched.mask_of(2 * N)
    stamps = {m.header.stamp.sec for m in watched.masks}
    silent = {make_image(seed).header.stamp.sec for seed in range(N, 2 * N)}
    assert not stamps & silent
    assert watched.live.counts().processed == 2 * N


def test_frames_that_fail(watch: Callable[..., Watched]) -> None:
    watched = watch()
    for _ in range(N):
        status = watched.send(encoding='rgb7')
    assert status.message == 'untrusted: frames failing'
    assert keys(status)['outputs'] == 'none'


def test_an_engine_that_fails(
    watch: Callable[..., Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = watch()

    def fail(*_args: Any, **_more: Any) -> None:
        raise SystemExit('broken')

    monkeypatch.setattr(watched.live.node.worker.segmenter, 'segment', fail)
    for _ in range(N):
        status = watched.send()
    assert status.message == 'untrusted: engine failing'


def test_stamps_of_long_ago_are_stale(watch: Callable[..., Watched]) -> None:
    watched = watch(stale_after_s=5.0)
    now = watched.live.node.get_clock().now().to_msg()
    for number in range(N):
        header = make_image(0).header
        header.stamp.sec, header.stamp.nanosec = now.sec - 60, number
        status = watched.send(header=header)
    assert status.message == 'untrusted: stale'


def test_the_pause_that_was_asked_for_is_not_stale(watch: Callable[..., Watched]) -> None:
    node = watch(max_rate_hz=0.5, stale_after_s=1.0, diagnostics_period_s=0.1)

    def two_masks() -> bool:
        node.seed += 1
        node.camera.send(make_image(node.seed))
        time.sleep(0.05)
        return len(node.masks) == 2

    wait_for(two_masks, 'the mask after the pause')
    messages = [status.status[0].message for status in node.statuses]
    assert not [message for message in messages if 'stale' in message]


def test_silence_is_said_at_once_and_forgotten_after_n_frames(
    watch: Callable[..., Watched],
) -> None:
    watched = watch(stale_after_s=0.3, diagnostics_period_s=0.05)
    watched.send()
    array = wait_for(
        lambda: next((s for s in watched.statuses if 'no frames' in s.status[0].message), None),
        'a status without a frame',
    )
    # On a slow machine it may have been stale before.
    assert array.status[0].message.startswith('untrusted: no frames')
    assert array.header.frame_id == make_image(1).header.frame_id
    assert array.header.stamp.sec > make_image(10**6).header.stamp.sec  # now
    diagnostics = watched.peer.wait_status(
        'camera', lambda s: 'no frame for' in s.message, 'a warning'
    )
    assert keys(diagnostics)['trust'] == 'untrusted'
    assert keys(diagnostics)['causes'].startswith('no frames')
    assert [watched.send().level for _ in range(N)][:1] == [ERROR]


def test_paused(watch: Callable[..., Watched]) -> None:
    watched = watch(diagnostics_period_s=0.05)
    watched.peer.enable(False)
    wait_for(
        lambda: any(s.status[0].message == 'untrusted: paused' for s in watched.statuses), 'paused'
    )


def test_diagnostics_carry_it(watch: Callable[..., Watched]) -> None:
    watched = watch(diagnostics_period_s=0.05)
    for _ in range(N):
        watched.send(BLACK)
    status = watched.peer.wait_status('camera', lambda s: s.level == ERROR, 'an error')
    assert status.message.startswith('untrusted: dark; ')
    assert keys(status)['causes'] == 'dark'


def test_a_pause_begins_anew(watch: Callable[..., Watched]) -> None:
    watched = watch()
    for _ in range(N):
        watched.send(BLACK)
    assert watched.peer.change_state(Transition.TRANSITION_DEACTIVATE)
    assert watched.peer.change_state(Transition.TRANSITION_ACTIVATE)
    watched.camera.wait_subscribed()
    assert watched.send(BLACK).level == OK


def test_status_alone_is_worth_the_work(make_live: MakeLive, peer: Peer, tiny_model: Path) -> None:
    live = make_live(model=str(tiny_model)).wait_active()
    statuses = peer.listen('/segmentation/status', DiagnosticArray)
    live.wait_wanted('status')
    camera = peer.camera('/image').wait_subscribed()
    sent = camera.send(make_image(1))
    wait_for(lambda: any(s.header == sent.header for s in statuses), 'a status')
