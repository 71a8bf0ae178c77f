# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The node on other runtimes than the one of the base installation."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('rclpy', reason="rclpy is not installed: pip install '.[ros]'")

from diagnostic_msgs.msg import DiagnosticStatus
from lifecycle_msgs.msg import Transition
from node_harness import Live, Peer, keys, make_image, make_picture, wait_for

from drivseg_ros.base.gpus import find_gpus
from drivseg_ros.images.codec import decode_labels

MakeLive = Callable[..., Live]


def test_masks_of_another_engine(make_live: MakeLive, peer: Peer, tiny_model: Path) -> None:
    engine = 'openvino'
    if importlib.util.find_spec(engine) is None:
        pytest.skip(f"{engine} is not installed: pip install '.[{engine}]'")
    live = make_live(model=str(tiny_model)).wait_active()
    masks = peer.listen('/segmentation/mask')
    live.wait_wanted('mask')
    camera = peer.camera('/image').wait_subscribed()
    picture = make_picture(0, width=64, height=48)
    for count, name in enumerate(['onnxruntime', engine, 'onnxruntime', engine]):
        (result,) = peer.set(engine=name)
        assert result.successful, result.reason
        camera.send(make_image(count, picture=picture))
        wait_for(lambda: len(masks) == count + 1, 'the mask')  # noqa: B023
        np.testing.assert_array_equal(decode_labels(masks[count]), picture.argmax(-1))
    status = peer.wait_status('engine', lambda s: keys(s)['engine'] == engine, 'the engine')
    assert keys(status)['engine choice'] == 'as asked for'


def test_a_checkpoint_in_the_place_of_a_model_file(
    make_live: MakeLive, peer: Peer, tiny_model: Path, tiny_checkpoint: Path
) -> None:
    """Model and engine are changed together, for no engine runs files of both kinds."""
    live = make_live(model=str(tiny_model)).wait_active()
    masks = peer.listen('/segmentation/mask')
    live.wait_wanted('mask')
    camera = peer.camera('/image').wait_subscribed()
    picture = make_picture(0, width=64, height=48)
    (result,) = peer.set(engine='torch')
    assert not result.successful
    assert 'torch runs checkpoints' in result.reason
    for count, (engine, model) in enumerate([('torch', tiny_checkpoint), ('auto', tiny_model)]):
        result = peer.set_atomically(engine=engine, model=str(model))
        assert result.successful, result.reason
        camera.send(make_image(count, picture=picture))
        wait_for(lambda: len(masks) == count + 1, 'the mask')  # noqa: B023
        np.testing.assert_array_equal(decode_labels(masks[count]), picture.argmax(-1))


@pytest.mark.skipif(bool(find_gpus()), reason='this machine has a GPU')
@pytest.mark.parametrize('engine', ['tensorrt', 'onnxruntime_tensorrt'])
def test_an_engine_that_is_not_available_leaves_a_working_node(
    make_live: MakeLive, peer: Peer, tiny_model: Path, engine: str
) -> None:
    """Without a GPU, or without the library: a sentence, and a node that can be told better."""
    live = make_live(model=str(tiny_model), engine=engine)
    status = peer.wait_status(
        'engine', lambda s: s.level == DiagnosticStatus.ERROR, 'an error in the diagnostics'
    )
    assert status.message.startswith('configure failed: ')
    assert 'gpu' in status.message.lower() or 'not installed' in status.message
    (result,) = peer.set(engine='auto')
    assert result.successful, result.reason
    assert peer.change_state(Transition.TRANSITION_CONFIGURE)
    assert peer.change_state(Transition.TRANSITION_ACTIVATE)
    (result,) = peer.set(engine=engine)
    assert not result.successful
    masks = peer.listen('/segmentation/mask')
    live.wait_wanted('mask')
    peer.camera('/image').wait_subscribed().send(make_image(0))
    wait_for(lambda: masks, 'the old engine goes on')
    status = peer.wait_status('engine', lambda s: s.level == DiagnosticStatus.OK, 'all is well')
    assert keys(status)['engine choice'].startswith('auto took onnxruntime on cpu')
