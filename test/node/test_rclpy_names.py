# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is used of rclpy is there in every supported distribution.

The list of the names was compared with the sources of the distributions' releases.
"""

from __future__ import annotations

import importlib
import json

import pytest
from rclpy_names import COMMAND, LIST, imported_names, installed, used_members

KEPT = json.loads(LIST.read_text())
# Lyrical renamed `topic_endpoint_info` to `endpoint_info`, which Jazzy and Kilted do not have.
NOT_EVERYWHERE = {'rclpy.topic_endpoint_info', 'rclpy.endpoint_info'}
HINT = f'not looked up in every distribution: {COMMAND}'


def test_no_module_that_a_distribution_lacks() -> None:
    names = imported_names()
    assert len(names) > 20
    modules = {name.partition(':')[0] for name in names} | {n.replace(':', '.') for n in names}
    assert not modules & NOT_EVERYWHERE


def test_every_imported_name_was_looked_up_in_every_distribution() -> None:
    assert set(KEPT['releases']) == {'jazzy', 'kilted', 'lyrical'}
    assert imported_names() - set(KEPT['names']) == set(), HINT


def test_every_attribute_and_argument_was_looked_up_in_every_distribution() -> None:
    pytest.importorskip('rclpy', reason="rclpy is not installed: pip install '.[ros]'")
    used = used_members(installed())
    assert {'Node.create_timer(clock)', 'SingleThreadedExecutor.get_nodes'} < used
    assert used - set(KEPT['names']) == set(), HINT


def test_every_imported_name_is_here() -> None:
    pytest.importorskip('rclpy', reason="rclpy is not installed: pip install '.[ros]'")
    for name in imported_names():
        module, _, taken = name.partition(':')
        found = importlib.import_module(module)
        assert not taken or hasattr(found, taken), f'{module} has no {taken}'
