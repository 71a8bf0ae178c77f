# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the evaluation's tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from color_bag import ColorBag, write_color_bag


@pytest.fixture
def color_bag(tmp_path: Path) -> ColorBag:
    """Ten labelled frames."""
    return write_color_bag(tmp_path / 'color_bag')
