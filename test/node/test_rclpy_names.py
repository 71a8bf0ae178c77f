# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is imported of rclpy is there in every supported distribution."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

import drivseg_ros

PACKAGE = Path(drivseg_ros.__file__).parent
# Lyrical renamed `topic_endpoint_info` to `endpoint_info`, which Jazzy and Kilted do not have.
NOT_EVERYWHERE = {'rclpy.topic_endpoint_info', 'rclpy.endpoint_info'}


def imported() -> set[tuple[str, str]]:
    """Modules of rclpy, and what is taken from them ('' for the module itself)."""
    found = set()
    for path in PACKAGE.rglob('*.py'):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or '').split('.')[0] == 'rclpy':
                found |= {(str(node.module), alias.name) for alias in node.names}
            elif isinstance(node, ast.Import):
                found |= {(a.name, '') for a in node.names if a.name.split('.')[0] == 'rclpy'}
    return found


def test_no_module_that_a_distribution_lacks() -> None:
    names = imported()
    assert len(names) > 20
    modules = {module for module, _ in names} | {f'{module}.{name}' for module, name in names}
    assert not modules & NOT_EVERYWHERE


def test_every_name_is_there() -> None:
    pytest.importorskip('rclpy', reason="rclpy is not installed: pip install '.[ros]'")
    for module, name in imported():
        found = importlib.import_module(module)
        assert not name or hasattr(found, name), f'{module} has no {name}'
