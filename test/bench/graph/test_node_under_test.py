# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Commands and topics of nodes, and what is refused of them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from drivseg_ros.bench.graph.node_under_test import NodeUnderTest
from drivseg_ros.bench.graph.options import GraphOptions
from drivseg_ros.errors import ParameterError


def parse(text: str, **topics: Any) -> NodeUnderTest:
    return NodeUnderTest.parse(text, **{'inputs': {}, 'outputs': {}, **topics})


def line(node: NodeUnderTest, cameras: int = 1, transport: str = 'raw') -> list[str]:
    return node.command_line(model='/m.onnx', threads=2, cameras=cameras, transport=transport)


def test_ours() -> None:
    node = NodeUnderTest.ours(
        engine='onnxruntime', device='cpu', precision='auto', outputs=('mask', 'overlay')
    )
    words = line(node, cameras=2, transport='compressed')
    assert words[:3] == [sys.executable, '-m', 'drivseg_ros.node']
    for parameter in (
        'model:=/m.onnx',
        'engine:=onnxruntime',
        'threads:=2',
        'image_topics:=[/camera1/image_raw, /camera2/image_raw]',
        'image_transport:=compressed',
    ):
        assert words[words.index(parameter) - 1] == '-p'
    assert node.output_topics(2) == [
        ['/camera1/segmentation/mask', '/camera1/segmentation/overlay'],
        ['/camera2/segmentation/mask', '/camera2/segmentation/overlay'],
    ]


def test_another() -> None:
    node = parse(
        "peer=ros2 run p n --ros-args -p 'a:={threads}{x}' -r in:={image_topic} {{model}}",
        inputs={'peer': '/in{n}'},
        outputs={'peer': ['/out{n}', '/more{n}'], 'other': ['/o']},
    )
    assert node.name == 'peer'
    assert line(node)[3:] == ['n', '--ros-args', '-p', 'a:=2{x}', '-r', 'in:=/in1', '{/m.onnx}']
    assert node.image_topics(2) == ['/in1', '/in2']
    assert node.output_topics(1) == [['/out1', '/more1']]
    default = parse('a b=c', listen=('confidence', 'mask'))
    assert default.output_topics(1) == [
        ['/camera1/segmentation/confidence', '/camera1/segmentation/mask']
    ]


@pytest.mark.parametrize(
    ('text', 'topics', 'expected'),
    [
        ('peer', {}, 'write NAME=COMMAND'),
        ('peer=', {}, 'write NAME=COMMAND'),
        ('=x', {}, "cannot be called ''"),
        ('a/b=x', {}, "cannot be called 'a/b'"),
        ('peer=x "y', {}, 'check its quotes'),
        ('p=x', {'inputs': {'p': 'image'}}, "'image' of the node p is no topic"),
        ('p=x', {'outputs': {'p': ['/out/']}}, "'/out/' of the node p is no topic"),
        ('p=x', {'listen': ['musk']}, "the output 'musk' is unknown"),
    ],
)
def test_refusals(text: str, topics: dict[str, Any], expected: str) -> None:
    with pytest.raises(ParameterError, match=expected):
        parse(text, **topics)


def test_cameras_need_topics_of_their_own() -> None:
    node = parse('p=x', inputs={'p': '/one'})
    assert node.image_topics(1) == ['/one']
    with pytest.raises(ParameterError, match='2 cameras would share the topic /one'):
        node.image_topics(2)


def options(**changes: Any) -> GraphOptions:
    return GraphOptions(
        **{'nodes': (parse('p=x'),), 'model': '/secret/m.onnx', 'threads': 1, **changes}
    )


@pytest.mark.parametrize(
    ('changes', 'expected'),
    [
        ({'nodes': ()}, 'no node to measure'),
        ({'nodes': (parse('p=x'), parse('p=y'))}, 'two nodes have one name'),
        ({'peak': False, 'rates_hz': ()}, 'nothing to measure'),
        ({'cameras': (0,)}, 'camera count 0 is not allowed; give 1 to 16'),
        ({'cameras': (1, 17)}, 'camera count 17'),
        ({'rates_hz': (10.0, float('nan'))}, 'rate nan'),
        ({'runs': 0}, 'number of runs 0'),
        ({'duration_s': 0.0}, 'duration 0'),
        ({'depth': 0}, 'queue depth 0'),
        ({'lowest_hz': 300.0}, 'lowest rate 300 is not allowed; give 0.1 to 200'),
        ({'lowest_hz': 200.0}, 'there is no peak between'),
        ({'transports': ('theora',)}, "transport 'theora' is unknown"),
        ({'frames': 0}, '0 frames'),
        ({'nodes': (parse('p=x', outputs={'p': ['/o']}),), 'cameras': (1, 2)}, 'would share'),
    ],
)
def test_options_refused(changes: dict[str, Any], expected: str) -> None:
    with pytest.raises(ParameterError, match=expected):
        options(**changes)


def test_options_as_plain_data() -> None:
    chosen = options(data=Path('/secret/drive'), cameras=(1, 3), transports=('raw', 'compressed'))
    text = json.dumps(chosen.describe())
    assert 'secret' not in text
    assert json.loads(text)['cameras'] == [1, 3]
    assert len(chosen.setups()) == 3 * 2 * 2
