# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters changed while frames flow; above all, another network."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytest.importorskip('rclpy', reason="rclpy is not installed: pip install '.[ros]'")

import gated_engine
from lifecycle_msgs.msg import Transition
from node_harness import Live, Peer, keys, make_image, make_picture, wait_for
from tiny_model import write_tiny_model

from drivseg_ros.engines import registry
from drivseg_ros.images.codec import decode_image, decode_labels
from drivseg_ros.model.card import BDD100K_CLASSES, ModelClass, Role
from drivseg_ros.node import lifecycle_node
from drivseg_ros.segmenter import Segmenter

MakeLive = Callable[..., Live]


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    gated_engine.reset()
    monkeypatch.setitem(registry.RUNTIMES, 'onnxruntime', gated_engine.RUNTIME)
    yield gated_engine
    gated_engine.OPEN.set()


@pytest.fixture
def other_model(tmp_path: Path) -> Path:
    """Another network: smaller, with other colours."""
    classes = [ModelClass(c.id, c.name, (9, 8, 7 + c.id), Role.DRIVABLE) for c in BDD100K_CLASSES]
    return write_tiny_model(
        tmp_path / 'models/other.onnx', width=30, height=20, name='other', classes=classes
    )


def test_another_model_between_two_frames(
    make_live: MakeLive, peer: Peer, tiny_model: Path, other_model: Path, gate: ModuleType
) -> None:
    live = make_live(model=str(tiny_model)).wait_active()
    masks = peer.listen('/segmentation/mask')
    live.wait_wanted('mask')
    camera = peer.camera('/image').wait_subscribed()
    gate.CLOSED.clear()
    for seed, model in enumerate([tiny_model, other_model, tiny_model]):
        (result,) = peer.set(model=str(model))
        assert result.successful, result.reason
        assert peer.get('model') == str(model)
        camera.send(make_image(seed))
        wait_for(lambda: len(masks) == seed + 1, 'the mask')  # noqa: B023
        with Segmenter.open(model) as segmenter:
            expected = segmenter.segment([make_picture(seed)])[0].class_ids
        np.testing.assert_array_equal(decode_labels(masks[seed]), expected)
    status = peer.wait_status('engine', lambda s: keys(s)['model'] == 'tiny', 'the model')
    assert keys(status)['model file'] == str(tiny_model)
    # Each change closed the one before; the Segmenters of this test closed theirs.
    assert sorted(gate.CLOSED) == sorted(['tiny', 'tiny', 'other', 'tiny', 'other', 'tiny'])


@pytest.mark.parametrize(
    ('name', 'text', 'reason'),
    [
        ('model', 'nowhere', "no model is called 'nowhere'"),
        ('model', '/nowhere/m.onnx', 'no model file at /nowhere/m.onnx'),
        ('model', 'broken', 'cannot be read as ONNX'),
        ('model', 'contradiction', 'but its card says'),
        ('engine', 'abacus', "engine is 'abacus'; set it to one of auto, onnxruntime"),
    ],
)
def test_bad_change_leaves_the_old_model_running(
    make_live: MakeLive,
    peer: Peer,
    tiny_model: Path,
    tmp_path: Path,
    name: str,
    text: str,
    reason: str,
) -> None:
    (tmp_path / 'broken.onnx').write_bytes(b'not a model')
    write_tiny_model(tmp_path / 'contradiction.onnx', input_width=999)
    value = str(tmp_path / f'{text}.onnx') if text in ('broken', 'contradiction') else text
    live = make_live(model=str(tiny_model)).wait_active()
    masks = peer.listen('/segmentation/mask')
    live.wait_wanted('mask')
    (result,) = peer.set(**{name: value})
    assert not result.successful
    assert reason in result.reason
    assert peer.get('model') == str(tiny_model)
    assert live.node.worker.segmenter.engine.model.path == tiny_model
    peer.camera('/image').wait_subscribed().send(make_image(0))
    wait_for(lambda: masks, 'the mask')


def test_warm_up_that_fails_leaves_the_old_model_running(
    make_live: MakeLive, peer: Peer, tiny_model: Path, other_model: Path, gate: ModuleType
) -> None:
    live = make_live(model=str(tiny_model)).wait_active()
    for error in (gated_engine.engine_error(), RuntimeError('the engine is on fire')):
        gate.FAILURES.append(error)
        (result,) = peer.set(model=str(other_model))
        assert not result.successful
        assert 'the engine is on fire' in result.reason
    assert live.node.worker.segmenter.card.name == 'tiny'
    assert live.counts().failed == 0
    assert gate.CLOSED == ['other', 'other']


def test_a_network_that_cannot_be_closed_is_replaced_all_the_same(
    make_live: MakeLive,
    peer: Peer,
    tiny_model: Path,
    other_model: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    live = make_live(model=str(tiny_model)).wait_active()

    def close() -> None:
        raise RuntimeError('stuck')

    monkeypatch.setattr(live.node.worker.segmenter.engine, 'close', close)
    (result,) = peer.set(model=str(other_model))
    assert result.successful, result.reason
    assert peer.get('model') == str(other_model)
    assert live.node.worker.segmenter.card.name == 'other'


def test_frames_flow_while_a_network_is_loaded(
    make_live: MakeLive,
    peer: Peer,
    tiny_model: Path,
    other_model: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    live = make_live(model=str(tiny_model)).wait_active()
    masks = peer.listen('/segmentation/mask')
    live.wait_wanted('mask')
    camera = peer.camera('/image').wait_subscribed()
    loading, loaded = threading.Event(), threading.Event()
    load = lifecycle_node.load_segmenter

    def load_slowly(**arguments: Any) -> Segmenter:
        segmenter = load(**arguments)
        loading.set()
        loaded.wait(30)
        return segmenter

    monkeypatch.setattr(lifecycle_node, 'load_segmenter', load_slowly)
    answers: list[Any] = []
    setting = threading.Thread(target=lambda: answers.extend(peer.set(model=str(other_model))))
    setting.start()
    assert loading.wait(30)
    for seed in range(10):
        camera.send(make_image(seed))
        wait_for(lambda: len(masks) == seed + 1, 'the mask')  # noqa: B023
    begin = len(peer.diagnostics)
    peer.watch_diagnostics()
    wait_for(lambda: len(peer.diagnostics) > begin + 2, 'diagnostics go on, too')
    assert not answers
    loaded.set()
    setting.join(30)
    assert answers[0].successful, answers[0].reason
    camera.send(make_image(10))
    wait_for(lambda: len(masks) == 11, 'the mask')
    counts = live.counts()
    assert (counts.offered, counts.processed) == (11, 11)
    with Segmenter.open(other_model) as segmenter:
        expected = segmenter.segment([make_picture(10)])[0].class_ids
    np.testing.assert_array_equal(decode_labels(masks[10]), expected)


def test_an_engine_that_must_be_built_is_built_beside_the_old_one(
    make_live: MakeLive, peer: Peer, tiny_model: Path, other_model: Path, gate: ModuleType
) -> None:
    live = make_live(model=str(tiny_model)).wait_active()
    masks = peer.listen('/segmentation/mask')
    live.wait_wanted('mask')
    camera = peer.camera('/image').wait_subscribed()
    gate.BUILT.clear()
    answers: list[Any] = []
    setting = threading.Thread(target=lambda: answers.extend(peer.set(model=str(other_model))))
    setting.start()
    status = peer.wait_status(
        'engine', lambda s: keys(s)['engine build'] != 'none', 'the build in the diagnostics'
    )
    assert status.message == 'active; building a plan: 42 %'
    assert keys(status)['model'] == 'tiny'
    camera.send(make_image(0))
    wait_for(lambda: masks, 'the old network goes on')
    assert not answers
    gate.BUILT.set()
    setting.join(30)
    assert answers[0].successful, answers[0].reason
    status = peer.wait_status('engine', lambda s: keys(s)['model'] == 'other', 'the new network')
    assert (status.message, keys(status)['engine build']) == ('active', 'none')


def test_topics_are_there_while_the_first_engine_is_built(
    make_live: MakeLive, peer: Peer, tiny_model: Path, gate: ModuleType
) -> None:
    gate.BUILT.clear()
    live = make_live(model=str(tiny_model))
    peer.wait_status(
        'engine', lambda s: s.message == 'configuring; building a plan: 42 %', 'the build'
    )
    wait_for(lambda: peer.node.count_publishers('/segmentation/mask'), 'the topic')
    gate.BUILT.set()
    live.wait_active()


def test_another_precision_is_another_engine(
    make_live: MakeLive, peer: Peer, tiny_model: Path, gate: ModuleType
) -> None:
    live = make_live(model=str(tiny_model), engine='onnxruntime').wait_active()
    (result,) = peer.set(precision='fp16')
    assert not result.successful
    assert "precision 'fp16' was asked for" in result.reason
    gate.CLOSED.clear()
    for parameters in ({'threads': 2}, {'precision': 'fp32'}, {'precision': 'fp32'}):
        (result,) = peer.set(**parameters)
        assert result.successful, result.reason
    assert gate.CLOSED == ['tiny', 'tiny'], 'a value that is not new changes nothing'
    engine = live.node.worker.segmenter.engine
    assert (engine.threads, engine.precision, engine.choice) == (2, 'fp32', 'as asked for')


def test_swaps_under_load_lose_nothing(
    make_live: MakeLive, peer: Peer, tiny_model: Path, other_model: Path, tmp_path: Path
) -> None:
    live = make_live(model=str(tiny_model)).wait_active()
    masks = peer.listen('/segmentation/mask')
    live.wait_wanted('mask')
    camera = peer.camera('/image').wait_subscribed()
    stop = threading.Event()
    sent: list[int] = []

    def stream() -> None:
        # The next frame is sent when the mask of the one before has come: none may be dropped.
        while not stop.is_set():
            camera.send(make_image(len(sent)))
            sent.append(len(sent))
            wait_for(lambda: len(masks) == len(sent), 'the mask')

    streaming = threading.Thread(target=stream)
    streaming.start()
    broken = tmp_path / 'broken.onnx'
    broken.write_bytes(b'not a model')
    answers = [
        peer.set(model=str(model))[0].successful
        for model in (other_model, broken, tiny_model, other_model, broken)
    ]
    stop.set()
    streaming.join(60)
    assert answers == [True, False, True, True, False]
    assert [m.header.stamp.sec - 1_600_000_000 for m in masks] == sent
    counts = live.counts()
    assert (counts.offered, counts.processed, counts.waiting) == (len(sent), len(sent), 0)
    # Whichever network made a mask, it is that network's.
    with Segmenter.open(tiny_model) as tiny, Segmenter.open(other_model) as other:
        for seed, mask in enumerate(masks):
            picture = make_picture(seed)
            possible = [s.segment([picture])[0].class_ids for s in (tiny, other)]
            assert any(np.array_equal(decode_labels(mask), ids) for ids in possible)


def test_model_changed_while_inactive(
    make_live: MakeLive, peer: Peer, tiny_model: Path, other_model: Path
) -> None:
    live = make_live(model=str(tiny_model), autostart=False)
    assert peer.change_state(Transition.TRANSITION_CONFIGURE)
    (result,) = peer.set(model=str(other_model))
    assert result.successful, result.reason
    assert live.node.worker.segmenter.card.name == 'other'
    (result,) = peer.set(model='nowhere')
    assert not result.successful
    assert peer.change_state(Transition.TRANSITION_CLEANUP)
    (result,) = peer.set(model='nowhere')  # found out when it is configured
    assert result.successful
    assert not peer.change_state(Transition.TRANSITION_CONFIGURE)
    assert "no model is called 'nowhere'" in live.node.problem


def test_overlay_alpha(make_live: MakeLive, peer: Peer, tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / 'm.onnx', width=60, height=40)
    live = make_live(model=str(model), overlay_alpha=0.0).wait_active()
    overlays = peer.listen('/segmentation/overlay')
    live.wait_wanted('overlay')
    camera = peer.camera('/image').wait_subscribed()
    picture = make_picture(0)
    class_ids = picture.argmax(axis=2)
    palette = np.array([c.color for c in BDD100K_CLASSES], np.uint8)
    full = np.where(class_ids[..., None] == 2, picture, palette[class_ids])
    for index, (alpha, expected) in enumerate([(0, picture), (1, full)]):
        (result,) = peer.set(overlay_alpha=alpha)
        assert result.successful, result.reason
        camera.send(make_image(0, picture=picture))
        wait_for(lambda: len(overlays) == index + 1, 'the overlay')  # noqa: B023
        np.testing.assert_array_equal(decode_image(overlays[index]), expected)


@pytest.mark.parametrize(
    ('name', 'value', 'reason'),
    [
        ('overlay_alpha', 1.5, 'Parameter overlay_alpha'),
        ('max_rate_hz', -1.0, 'Parameter max_rate_hz'),
        ('overlay_alpha', 'half', 'Wrong parameter type'),
        ('device', 'tpu', "device 'tpu' is not one that engine 'auto' knows"),
        ('image_topics', ['/b/image'], 'deactivate, cleanup, configure, activate in turn'),
        ('outputs', ['mask'], 'and it is active'),
        ('outputs', ['masks'], "outputs is ['masks']; set it to a list out of mask,"),
        ('stale_after_s', 2.0, 'can be changed only while the node is unconfigured'),
        ('autostart', False, 'read-only'),
        ('nonsense', 1, 'undeclared'),
    ],
)
def test_refused_changes(
    make_live: MakeLive, peer: Peer, tiny_model: Path, name: str, value: Any, reason: str
) -> None:
    make_live(model=str(tiny_model)).wait_active()
    (result,) = peer.set(**{name: value})
    assert not result.successful
    assert reason.lower() in result.reason.lower()


def test_unchanged_values_are_taken(make_live: MakeLive, peer: Peer, tiny_model: Path) -> None:
    # As `ros2 param load` does with a whole file.
    make_live(model=str(tiny_model)).wait_active()
    results = peer.set(device='auto', threads=0, image_topics=['image'], stale_after_s=1)
    assert all(result.successful for result in results), results


def test_descriptions_are_there_for_ros2_param_describe(
    make_live: MakeLive, peer: Peer, tiny_model: Path
) -> None:
    make_live(model=str(tiny_model)).wait_active()
    alpha, engine, autostart = peer.describe('overlay_alpha', 'engine', 'autostart')
    assert alpha.floating_point_range[0].to_value == 1.0
    assert 'auto, onnxruntime' in engine.additional_constraints
    assert autostart.read_only
