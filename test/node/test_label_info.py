# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""label_info says what the class ids mean, where vision_msgs is installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from tiny_model import tiny_card, write_tiny_model

from drivseg_ros.model.card import ModelClass, Role
from drivseg_ros.node.label_info import find_vision_msgs, make_label_info

if TYPE_CHECKING:
    from node_harness import Live, Peer

# Word for word the fields of vision_msgs 4.
LABEL_INFO = 'std_msgs/Header header\nvision_msgs/VisionClass[] class_map\nfloat32 threshold\n'
VISION_CLASS = 'uint16 class_id\nstring class_name\n'


def test_content_fits_the_definition() -> None:
    store = get_typestore(Stores.ROS2_JAZZY)
    types = {}
    for text, name in ((LABEL_INFO, 'LabelInfo'), (VISION_CLASS, 'VisionClass')):
        types.update(get_types_from_msg(text, f'vision_msgs/msg/{name}'))
    store.register(types)
    header = store.types['std_msgs/msg/Header'](
        stamp=store.types['builtin_interfaces/msg/Time'](sec=0, nanosec=0), frame_id=''
    )
    # Empty messages, as rclpy makes them.
    empty = SimpleNamespace(
        LabelInfo=lambda: SimpleNamespace(header=header, class_map=[], threshold=0.5),
        VisionClass=lambda: SimpleNamespace(class_id=0, class_name=''),
    )
    info = make_label_info(empty, tiny_card())  # type: ignore[arg-type]
    data = store.serialize_cdr(info, 'vision_msgs/msg/LabelInfo')
    read: Any = store.deserialize_cdr(data, 'vision_msgs/msg/LabelInfo')
    assert [(c.class_id, c.class_name) for c in read.class_map] == [
        (0, 'direct'),
        (1, 'alternative'),
        (2, 'background'),
    ]
    assert read.threshold == 0.0
    assert (read.header.stamp.sec, read.header.frame_id) == (0, '')


def test_absence_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    def fail(name: str) -> ModuleType:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib, 'import_module', fail)
    assert find_vision_msgs() is None
    monkeypatch.setattr(importlib, 'import_module', lambda _: ModuleType('vision_msgs.msg'))
    assert find_vision_msgs() is None  # version 3 has no LabelInfo


def test_published_before_the_first_mask_and_after_a_change(
    make_live: Callable[..., Live], peer: Peer, tmp_path: Path
) -> None:
    vision_msgs = pytest.importorskip(
        'vision_msgs.msg', reason='vision_msgs is not installed: it comes with ROS 2 only'
    )
    from node_harness import wait_for
    from rclpy.qos import DurabilityPolicy, QoSProfile

    classes = (ModelClass(0, 'street', (1, 2, 3), Role.ROAD), *tiny_card().classes[1:])
    models = [
        write_tiny_model(tmp_path / 'a.onnx'),
        write_tiny_model(tmp_path / 'b.onnx', classes=classes),
    ]
    make_live(model=str(models[0])).wait_active()
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    infos = peer.listen('/segmentation/label_info', vision_msgs.LabelInfo, qos=latched)
    wait_for(lambda: infos, 'label_info for one who comes late')
    assert infos[-1].class_map[0].class_name == 'direct'
    assert peer.set(model=str(models[1]))[0].successful
    wait_for(lambda: infos[-1].class_map[0].class_name == 'street', 'label_info of the new model')
