# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A load without an end, an engine that hangs or exits: everything else is answered meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('rclpy', reason="rclpy is not installed: pip install '.[ros]'")

from diagnostic_msgs.msg import DiagnosticStatus
from lifecycle_msgs.msg import Transition
from node_harness import Live, Peer, make_image, wait_for
from tiny_model import write_tiny_model

from drivseg_ros.engines.base import BuildProgress, OnProgress
from drivseg_ros.errors import EngineError
from drivseg_ros.node import lifecycle_node, loading
from drivseg_ros.node.health import Phase
from drivseg_ros.segmenter import Segmenter

MakeLive = Callable[..., Live]


class Hang:
    """What keeps a load of endless.onnx, and the batches of one network, waiting."""

    def __init__(self) -> None:
        self.load, self.batch = threading.Event(), threading.Event()
        self.segmenter: Segmenter | None = None
        self.closed: list[Segmenter] = []


@pytest.fixture
def hang(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hang]:
    made = Hang()
    open_, segment, close = Segmenter.open, Segmenter.segment, Segmenter.close

    def wait_and_open(model: str, **arguments: Any) -> Segmenter:
        if model.endswith('endless.onnx'):
            assert made.load.wait(60)
        return open_(model, **arguments)

    def wait_and_segment(self: Segmenter, *arguments: Any, **options: Any) -> Any:
        assert self is not made.segmenter or made.batch.wait(60)
        return segment(self, *arguments, **options)

    def count_and_close(self: Segmenter) -> None:
        made.closed.append(self)
        close(self)

    monkeypatch.setattr(loading.Segmenter, 'open', wait_and_open)
    monkeypatch.setattr(Segmenter, 'segment', wait_and_segment)
    monkeypatch.setattr(Segmenter, 'close', count_and_close)
    yield made
    made.load.set()
    made.batch.set()


@pytest.fixture
def endless(tmp_path: Path) -> str:
    return str(write_tiny_model(tmp_path / 'endless.onnx'))


def in_background(call: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(call()))
    thread.start()
    return thread, answers


def loads() -> bool:
    return any(thread.name == 'loading' for thread in threading.enumerate())


def test_a_change_of_model_is_given_up_for_another(
    make_live: MakeLive, peer: Peer, tiny_model: Path, endless: str, hang: Hang
) -> None:
    live = make_live(model=str(tiny_model)).wait_active()
    setting, answers = in_background(lambda: peer.set(model=endless))
    wait_for(loads, 'the load')
    assert peer.enable(False).success
    assert peer.enable(True).success
    assert peer.get('model') == str(tiny_model)
    assert peer.state() == 'active'
    (alpha,) = peer.set(overlay_alpha=0.25)
    assert alpha.successful
    assert not peer.change_state(Transition.TRANSITION_ACTIVATE)
    assert not answers
    (other,) = peer.set(model=str(tiny_model))
    assert other.successful, other.reason
    setting.join(30)
    (given_up,) = answers[0]
    assert not given_up.successful
    assert 'the load was given up for a change of model' in given_up.reason
    assert peer.get('model') == str(tiny_model)
    assert live.node.worker.overlay_alpha == 0.25
    # What nobody waits for is closed when it is there at last.
    before = len(hang.closed)
    hang.load.set()
    wait_for(lambda: len(hang.closed) > before, 'the network is closed')


def test_a_change_of_model_is_given_up_by_deactivation(
    make_live: MakeLive, peer: Peer, tiny_model: Path, endless: str, hang: Hang
) -> None:
    make_live(model=str(tiny_model)).wait_active()
    setting, answers = in_background(lambda: peer.set(model=endless))
    wait_for(loads, 'the load')
    assert peer.change_state(Transition.TRANSITION_DEACTIVATE)
    assert peer.state() == 'inactive'
    setting.join(30)
    assert 'given up for the transition' in answers[0][0].reason


def test_a_load_that_waits_for_another_is_given_up_with_it(
    make_live: MakeLive, peer: Peer, tiny_model: Path, endless: str, hang: Hang
) -> None:
    live = make_live(model=str(tiny_model)).wait_active()
    # The second comes, and the deactivation after it, before the first has noticed.
    hold, check = threading.Event(), live.node._check_wanted

    def check_late() -> None:
        assert hold.wait(30)
        check()

    live.node._check_wanted = check_late
    first, _ = in_background(lambda: peer.set(model=endless))
    wait_for(loads, 'the load')
    second, answers = in_background(lambda: peer.set(model=endless))
    wait_for(lambda: live.node.requests.given_up.startswith('a change'), 'the second is there')
    third, states = in_background(lambda: peer.change_state(Transition.TRANSITION_DEACTIVATE))
    wait_for(lambda: 'transition' in live.node.requests.given_up, 'the deactivation is there')
    hold.set()
    third.join(10)
    assert states == [True]
    assert peer.state() == 'inactive'
    for thread in (first, second):
        thread.join(30)
    assert 'given up for the transition' in answers[0][0].reason


def test_the_first_load_is_given_up(
    make_live: MakeLive, peer: Peer, tiny_model: Path, endless: str, hang: Hang
) -> None:
    live = make_live(model=endless)
    wait_for(loads, 'the load')
    assert peer.state() == 'configuring'
    assert peer.enable(False).success
    assert peer.enable(True).success
    assert peer.change_state(Transition.TRANSITION_CLEANUP)
    assert peer.state() == 'unconfigured'
    assert 'given up' in live.node.problem
    # By another model, too.
    configuring, answers = in_background(lambda: peer.change_state(Transition.TRANSITION_CONFIGURE))
    wait_for(lambda: live.node.phase is Phase.CONFIGURING, 'the second load')
    (result,) = peer.set(model=str(tiny_model))
    assert result.successful, result.reason
    configuring.join(30)
    assert answers == [False]
    assert peer.change_state(Transition.TRANSITION_CONFIGURE)
    assert peer.change_state(Transition.TRANSITION_ACTIVATE)
    assert live.node.phase is Phase.ACTIVE


def test_an_activation_while_a_configuration_is_about_to_be_answered(
    make_live: MakeLive, peer: Peer, tiny_model: Path
) -> None:
    """launch_ros asks for it when it sees the state, which is published before the answer."""
    live = make_live(model=str(tiny_model), autostart=False)
    publish, hold = live.node._diagnostics.publish, threading.Event()

    def publish_late() -> None:
        if threading.current_thread().name == 'request':
            assert hold.wait(30)
        publish()

    live.node._diagnostics.publish = publish_late
    configuring, configured = in_background(
        lambda: peer.change_state(Transition.TRANSITION_CONFIGURE)
    )
    wait_for(lambda: live.node.phase is Phase.INACTIVE, 'it is configured')
    activating, activated = in_background(lambda: peer.change_state(Transition.TRANSITION_ACTIVATE))
    wait_for(lambda: live.node.requests._requests == 2, 'the activation waits')
    assert not activated
    hold.set()
    for thread in (configuring, activating):
        thread.join(30)
    assert (configured, activated) == ([True], [True])
    assert live.node.phase is Phase.ACTIVE


def test_a_build_that_is_given_up_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """At its next report, which nobody sees: another load may be under way."""
    ended, go = threading.Event(), threading.Event()
    reports: list[BuildProgress] = []

    def build(_model: str, *, on_progress: OnProgress, **_: Any) -> Segmenter:
        on_progress(BuildProgress('building', 0.1))
        assert go.wait(30)
        try:
            on_progress(BuildProgress('building', 0.2))
        finally:
            ended.set()
        raise AssertionError('it went on')

    def check() -> None:
        raise EngineError('another model')

    monkeypatch.setattr(loading.Segmenter, 'open', build)
    with pytest.raises(EngineError, match='another model'):
        loading.load_segmenter(
            model='m',
            engine='e',
            device='cpu',
            precision='auto',
            threads=0,
            largest_batch=1,
            check=check,
            on_progress=reports.append,
        )
    go.set()
    assert ended.wait(30)
    assert [report.fraction for report in reports] == [0.1]


def test_an_engine_that_hangs_is_reported(
    make_live: MakeLive, peer: Peer, tiny_model: Path, hang: Hang, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle_node, '_PATIENCE_S', 0.5)
    # A long period of the diagnostics does not delay it.
    live = make_live(model=str(tiny_model), stale_after_s=0.3, diagnostics_period_s=60.0)
    live.wait_active()
    masks = peer.listen('/segmentation/mask')
    live.wait_wanted('mask')
    camera = peer.camera('/image').wait_subscribed()
    hang.segmenter = live.node.worker.segmenter
    camera.send(make_image(0))
    status = peer.wait_status(
        'engine', lambda s: s.level == DiagnosticStatus.ERROR, 'the engine is reported'
    )
    assert 'the engine has worked on one batch for' in status.message
    assert peer.enable(True).success
    assert peer.get('overlay_alpha') == 0.5
    # It cannot be stopped in the middle; that is an answer, too, and the node stays as it was.
    assert not peer.change_state(Transition.TRANSITION_DEACTIVATE)
    assert 'the engine has worked on one batch for more than' in live.node.problem
    assert peer.state() == 'active'
    (refused,) = peer.set(model=str(tiny_model))
    assert not refused.successful
    assert 'the engine has worked' in refused.reason
    hang.batch.set()
    wait_for(lambda: masks, 'the mask')
    camera.wait_subscribed().send(make_image(1))
    wait_for(lambda: len(masks) == 2, 'the next mask')
    assert peer.change_state(Transition.TRANSITION_DEACTIVATE)


@pytest.mark.parametrize('error', [SystemExit(3), KeyboardInterrupt(), MemoryError()])
def test_whatever_an_engine_raises_costs_that_frame(
    error: BaseException,
    make_live: MakeLive,
    peer: Peer,
    tiny_model: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    live = make_live(model=str(tiny_model)).wait_active()
    masks = peer.listen('/segmentation/mask')
    live.wait_wanted('mask')
    camera = peer.camera('/image').wait_subscribed()

    def fail(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Segmenter, 'segment', fail)
        camera.send(make_image(0))
        wait_for(lambda: live.counts().failed, 'the frame is counted')
    camera.send(make_image(1))
    wait_for(lambda: masks, 'the next mask')
    with monkeypatch.context() as patch:
        patch.setattr(loading.Segmenter, 'open', fail)
        (refused,) = peer.set(model=str(tiny_model))
    assert not refused.successful
    assert type(error).__name__ in refused.reason
    assert live.node.phase is Phase.ACTIVE


def test_a_frame_of_before_a_pause_is_never_published(
    make_live: MakeLive, peer: Peer, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = make_live(model=str(tiny_model)).wait_active()
    masks = peer.listen('/segmentation/mask')
    live.wait_wanted('mask')
    camera = peer.camera('/image').wait_subscribed()
    slot = live.node.cameras[0].slot
    put, held, go = slot.put, threading.Event(), threading.Event()

    def put_late(frame: Any) -> None:
        held.set()
        assert go.wait(30)
        put(frame)

    slot.put = put_late  # as if the thread was not scheduled just here
    camera.send(make_image(0))
    assert held.wait(30)
    assert peer.change_state(Transition.TRANSITION_DEACTIVATE)
    assert peer.change_state(Transition.TRANSITION_ACTIVATE)
    slot.put = put
    go.set()
    wait_for(lambda: live.counts().dropped == 1, 'the late frame is dropped')
    camera.wait_subscribed()
    live.wait_wanted('mask')
    wait_for(lambda: camera.send(make_image(1)) and masks, 'the mask of a new frame')
    assert masks[0].header.stamp.sec == make_image(1).header.stamp.sec
    time.sleep(0.1)
    assert all(m.header.stamp.sec == masks[0].header.stamp.sec for m in masks)
