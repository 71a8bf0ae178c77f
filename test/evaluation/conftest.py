# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the evaluation's tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from color_bag import ColorBag, write_color_bag
from many_bags import TRUNCATED, truncate, write_bags
from tiny_model import write_tiny_model


@pytest.fixture
def color_bag(tmp_path: Path) -> ColorBag:
    """Ten labelled frames."""
    return write_color_bag(tmp_path / 'color_bag')


@pytest.fixture(scope='module')
def eight_bags(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight bags, one of them truncated, and a model that makes mistakes."""
    folder = tmp_path_factory.mktemp('many')
    truncate(write_bags(folder)[TRUNCATED], 60)
    write_tiny_model(folder / 'tiny.onnx', width=8, height=6)
    return folder
