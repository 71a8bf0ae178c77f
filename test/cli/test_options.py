# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Options that several commands share."""

from __future__ import annotations

import os

import pytest

from drivseg_ros.cli.options import loading_processes, parse_size
from drivseg_ros.errors import ParameterError


@pytest.mark.parametrize(
    ('text', 'size'), [('1280x720', (1280, 720)), ('1x1', (1, 1)), ('99999x7', (99999, 7))]
)
def test_size(text: str, size: tuple[int, int]) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    'text',
    ['', '640', '640x', 'x360', '0x10', '640x-1', '640,360', '٣x٤', '1x1\n', '9' * 5000 + 'x1'],
)
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ParameterError, match='write it like 1280x720'):
        parse_size(text)


@pytest.mark.parametrize(('cpus', 'processes'), [(1, 1), (2, 1), (6, 5), (64, 8)])
def test_loading_processes(monkeypatch: pytest.MonkeyPatch, cpus: int, processes: int) -> None:
    monkeypatch.setattr(os, 'sched_getaffinity', lambda _: set(range(cpus)))
    assert loading_processes(None) == processes
    assert loading_processes(0) == 0
    assert loading_processes(12) == 12
