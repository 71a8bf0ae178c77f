# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The node's states, changed by the services that `ros2 lifecycle set` calls."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip('rclpy', reason="rclpy is not installed: pip install '.[ros]'")

from diagnostic_msgs.msg import DiagnosticStatus
from lifecycle_msgs.msg import Transition
from node_harness import Live, Peer, keys, make_image, wait_for
from tiny_model import write_tiny_model

from drivseg_ros.errors import EngineError
from drivseg_ros.node import lifecycle_node
from drivseg_ros.node.health import Phase

MakeLive = Callable[..., Live]


def test_states_by_services(make_live: MakeLive, peer: Peer, tiny_model: Path) -> None:
    live = make_live(model=str(tiny_model), autostart=False)
    assert peer.state() == 'unconfigured'
    assert peer.node.count_publishers('/segmentation/mask') == 0

    assert peer.change_state(Transition.TRANSITION_CONFIGURE)
    assert peer.state() == 'inactive'
    masks = peer.listen('/segmentation/mask')
    assert peer.node.count_subscribers('/image') == 0

    camera = peer.camera('/image')
    for round_ in (1, 2):
        assert peer.change_state(Transition.TRANSITION_ACTIVATE)
        assert peer.state() == 'active'
        live.wait_wanted('mask')
        camera.wait_subscribed().send(make_image(round_))
        wait_for(lambda: len(masks) == round_, 'the mask')  # noqa: B023 (called at once)

        assert peer.change_state(Transition.TRANSITION_DEACTIVATE)
        assert peer.state() == 'inactive'
        wait_for(lambda: not camera.publisher.get_subscription_count(), 'nobody hears the camera')
        camera.send(make_image(9))
    assert live.counts().offered == 2

    assert peer.change_state(Transition.TRANSITION_CLEANUP)
    assert peer.state() == 'unconfigured'
    wait_for(lambda: not peer.node.count_publishers('/segmentation/mask'), 'no mask topic')
    assert live.node.worker is None

    assert not peer.change_state(Transition.TRANSITION_ACTIVATE)
    assert peer.state() == 'unconfigured'


@pytest.mark.parametrize(
    ('steps', 'shutdown'),
    [
        ([], Transition.TRANSITION_UNCONFIGURED_SHUTDOWN),
        ([Transition.TRANSITION_CONFIGURE], Transition.TRANSITION_INACTIVE_SHUTDOWN),
        (
            [Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE],
            Transition.TRANSITION_ACTIVE_SHUTDOWN,
        ),
    ],
)
def test_shutdown(
    make_live: MakeLive, peer: Peer, tiny_model: Path, steps: list[int], shutdown: int
) -> None:
    live = make_live(model=str(tiny_model), autostart=False)
    for step in steps:
        assert peer.change_state(step)
    assert peer.change_state(shutdown)
    assert peer.state() == 'finalized'
    assert live.node.worker is None
    assert peer.node.count_subscribers('/image') == 0
    peer.wait_status('engine', lambda s: s.message == 'finalized', 'diagnostics go on')


@pytest.mark.parametrize(
    ('parameters', 'reason'),
    [
        ({'model': '/nowhere/m.onnx'}, 'no model file at /nowhere/m.onnx'),
        ({'overlay_alpha': 7.0}, 'parameter overlay_alpha is 7.0; set it to a number from'),
        ({'device': 'cuda:7'}, "device 'cuda:7' was asked for"),
        ({'image_topics': ['a b']}, "image_topics has 'a b', which is no topic name"),
        ({'image_topics': ['/a/x', '/a/y']}, 'would both publish /a/segmentation/mask'),
        ({'threads': 'many'}, "parameter threads is 'many'; set it to a whole number from"),
    ],
)
def test_bad_start_leaves_the_node_alive(
    make_live: MakeLive, peer: Peer, tiny_model: Path, parameters: dict, reason: str
) -> None:
    live = make_live(**{'model': str(tiny_model), **parameters})
    status = peer.wait_status(
        'engine', lambda s: s.level == DiagnosticStatus.ERROR, 'an error in the diagnostics'
    )
    assert reason in status.message
    assert status.message.startswith('configure failed: ')
    assert peer.state() == 'unconfigured'
    good = {
        'model': str(tiny_model),
        'overlay_alpha': 0.5,
        'device': 'cpu',
        'image_topics': ['/a/x'],
        'threads': 1,
    }
    for name in parameters:
        (result,) = peer.set(**{name: good[name]})
        assert result.successful, result.reason
    assert peer.change_state(Transition.TRANSITION_CONFIGURE)
    assert peer.change_state(Transition.TRANSITION_ACTIVATE)
    assert live.node.phase is Phase.ACTIVE
    peer.wait_status('engine', lambda s: s.level == DiagnosticStatus.OK, 'all is well again')


def test_error_nobody_foresaw_ends_in_unconfigured(
    make_live: MakeLive, peer: Peer, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def burn(**_: object) -> None:
        raise RuntimeError('it burns')

    live = make_live(model=str(tiny_model), autostart=False)
    with monkeypatch.context() as patch:
        patch.setattr(lifecycle_node, 'load_segmenter', burn)
        assert not peer.change_state(Transition.TRANSITION_CONFIGURE)
    assert peer.state() == 'unconfigured'
    assert "RuntimeError('it burns')" in live.node.problem
    assert not live.node.cameras
    assert peer.change_state(Transition.TRANSITION_CONFIGURE)
    assert live.node.problem == ''


def test_failed_activation_leaves_it_inactive(
    make_live: MakeLive, peer: Peer, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = make_live(model=str(tiny_model), autostart=False, image_topics=['/a/x', '/b/x'])
    assert peer.change_state(Transition.TRANSITION_CONFIGURE)

    def fail() -> None:
        raise EngineError('no more')

    with monkeypatch.context() as patch:
        patch.setattr(live.node.cameras[1], 'subscribe', fail)
        assert not peer.change_state(Transition.TRANSITION_ACTIVATE)
    assert peer.state() == 'inactive'
    assert live.node.phase is Phase.INACTIVE
    wait_for(lambda: not peer.node.count_subscribers('/a/x'), 'the other camera is left, too')
    assert peer.change_state(Transition.TRANSITION_ACTIVATE)


def test_enable(make_live: MakeLive, peer: Peer, tiny_model: Path) -> None:
    live = make_live(model=str(tiny_model)).wait_active()
    masks = peer.listen('/segmentation/mask')
    live.wait_wanted('mask')
    camera = peer.camera('/image').wait_subscribed()
    assert peer.enable(False).success
    camera.send(make_image(0))
    wait_for(lambda: live.counts().skipped == 1, 'the frame is skipped')
    peer.wait_status('camera', lambda s: 'disabled by ~/enable' in s.message, 'it is shown')
    status = peer.wait_status('engine', lambda s: 'disabled' in s.message, 'it is shown')
    assert keys(status)['enabled'] == 'False'
    assert peer.enable(True).success
    camera.send(make_image(1))
    wait_for(lambda: masks, 'the mask')
    assert masks[0].header == make_image(1).header


def test_disabled_stays_disabled_over_a_cleanup(
    make_live: MakeLive, peer: Peer, tmp_path: Path
) -> None:
    model = write_tiny_model(tmp_path / 'm.onnx')
    live = make_live(model=str(model), autostart=False)
    peer.enable(False)
    assert peer.change_state(Transition.TRANSITION_CONFIGURE)
    assert peer.change_state(Transition.TRANSITION_ACTIVATE)
    peer.listen('/segmentation/mask')
    live.wait_wanted('mask')
    peer.camera('/image').wait_subscribed().send(make_image(0))
    wait_for(lambda: live.counts().skipped == 1, 'the frame is skipped')
