# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The table of parameters, and what is made of it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
import yaml

from drivseg_ros.base.share import share_directory
from drivseg_ros.errors import ParameterError
from drivseg_ros.node.parameter_spec import Change, Kind
from drivseg_ros.node.parameters import (
    SPECS,
    SPECS_BY_NAME,
    Settings,
    parameters_table,
    parameters_yaml,
)

DEFAULTS = {spec.name: spec.default for spec in SPECS}


def refuses(text: str) -> AbstractContextManager:
    return pytest.raises(ParameterError, match=text)


@pytest.mark.parametrize(
    ('name', 'given', 'expected', 'exception'),
    [
        ('model', 'fast_scnn', 'fast_scnn', nullcontext()),
        ('model', '', None, refuses('a string that is not empty')),
        ('model', 2024, None, refuses('model is 2024; set it to a string')),
        ('engine', 'auto', 'auto', nullcontext()),
        ('engine', 'gpu', None, refuses("engine is 'gpu'; set it to one of auto, onnxruntime")),
        ('device', 'cuda:1', 'cuda:1', nullcontext()),
        ('precision', 'fp64', None, refuses('one of auto, fp32')),
        ('threads', 0, 0, nullcontext()),
        ('threads', 257, None, refuses('a whole number from 0 to 256')),
        ('threads', -1, None, refuses('from 0 to 256')),
        ('threads', 1.5, None, refuses('a whole number')),
        ('threads', True, None, refuses('a whole number')),
        ('image_topics', ['/a', '/b'], ('/a', '/b'), nullcontext()),
        ('image_topics', '/a', ('/a',), nullcontext()),
        ('image_topics', [], None, refuses('not empty')),
        ('image_topics', ['/a', ''], None, refuses('none of them empty')),
        ('image_topics', ['/a', '/a'], None, refuses('names each element once')),
        ('image_topics', [1], None, refuses('a list of strings')),
        ('image_topics', None, None, refuses('a list of strings')),
        ('outputs', ['mask'], ('mask',), nullcontext()),
        ('outputs', ['mask', 'masks'], None, refuses('a list out of mask, overlay')),
        ('overlay_alpha', 0, 0.0, nullcontext()),
        ('overlay_alpha', 1.0, 1.0, nullcontext()),
        ('overlay_alpha', 1.01, None, refuses('a number from 0.0 to 1.0')),
        ('overlay_alpha', float('nan'), None, refuses('a number from')),
        ('overlay_alpha', '0.5', None, refuses('a number from')),
        ('max_rate_hz', 15, 15.0, nullcontext()),
        ('max_rate_hz', -1.0, None, refuses('from 0.0 to 1000.0')),
        ('max_rate_hz', float('inf'), None, refuses('from 0.0 to 1000.0')),
        ('stale_after_s', 0.0, None, refuses('from 0.05')),
        ('qos_reliability', 'best_effort', 'best_effort', nullcontext()),
        ('qos_reliability', 'sensor_data', None, refuses('best_effort, reliable')),
        ('autostart', False, False, nullcontext()),
        ('autostart', 'yes', None, refuses('true or false')),
    ],
)
def test_check(name: str, given: Any, expected: Any, exception: AbstractContextManager) -> None:
    with exception:
        value = SPECS_BY_NAME[name].check(given)
        assert value == expected
        assert type(value) is type(expected)


@pytest.mark.parametrize(
    ('changes', 'exception'),
    [
        ({}, nullcontext()),
        ({'image_topics': ['/a/image'], 'image_transport': 'compressed'}, nullcontext()),
        ({'image_topics': ['/a/image/compressed']}, refuses('leave out /compressed')),
        ({'threads': 300}, refuses('parameter threads is 300')),
    ],
)
def test_settings(changes: dict[str, Any], exception: AbstractContextManager) -> None:
    with exception:
        Settings.of({**DEFAULTS, **changes})


def test_the_yaml_file_is_the_tables() -> None:
    text = (share_directory() / 'config/seg.yaml').read_text()
    assert text == parameters_yaml(), 'write it anew as CONTRIBUTING.md says'
    values = yaml.safe_load(text)['/**']['ros__parameters']
    assert Settings.of(values) == Settings.of(DEFAULTS)
    assert list(values) == [spec.name for spec in SPECS]


def test_the_markdown_table_has_every_parameter() -> None:
    lines = parameters_table().splitlines()
    assert len(lines) == 2 + len(SPECS)
    for spec, line in zip(SPECS, lines[2:], strict=True):
        assert line.startswith(f'| `{spec.name}` | {spec.kind.value} | `{spec.default_yaml}` | ')
        for choice in spec.choices:
            assert choice in line
        assert line.count('|') == 6


@pytest.mark.parametrize('spec', SPECS, ids=lambda spec: spec.name)
def test_descriptor(spec: Any) -> None:
    pytest.importorskip('rcl_interfaces', reason="rclpy is not installed: pip install '.[ros]'")
    descriptor = spec.descriptor()
    assert descriptor.description
    assert descriptor.read_only == (spec.change is Change.NEVER)
    for choice in spec.choices:
        assert choice in descriptor.additional_constraints
    for kind, ranges in (
        (Kind.INTEGER, descriptor.integer_range),
        (Kind.NUMBER, descriptor.floating_point_range),
    ):
        assert len(ranges) == (spec.kind is kind)
        if ranges:
            assert (ranges[0].from_value, ranges[0].to_value) == (spec.minimum, spec.maximum)
